#include <ntd/os/channel.h>

#include "support.h"

#include <csignal>
#include <stdexcept>
#include <thread>

namespace ntd::os {

namespace {

using Outcome = Channel::Outcome;

class ChannelTest : public testing::Test {
protected:
    ChannelTest() : channel(ByteStream(std::move(sockets.ours))), peer(std::move(sockets.theirs)) {
        std::signal(SIGPIPE, SIG_IGN); // as the program does
    }

    Ends ends(Deadline deadline = soon()) { return {deadline, interrupt, {-1, end.out.get(), -1}}; }

    // What the peer receives, up to `size` bytes, while `send` runs.
    template <typename Send>
    std::string received_during(std::size_t size, Send send) {
        std::string received;
        std::jthread reader([&] {
            Interrupt none;
            while (received.size() < size &&
                   peer.read_some(received, -1, soon(), none) == ByteStream::Outcome::data) {
            }
        });
        send();
        reader.join();
        return received;
    }

    SocketPair sockets;
    Channel channel;
    ByteStream peer;
    Pipe end; // stands for the peer's pidfd
    Interrupt interrupt;
    const std::string first = std::string(4 << 20, 'a') + "\n";
    const std::string second = "b\n";
};

TEST_F(ChannelTest, SendsAMessage) {
    EXPECT_EQ(channel.send(second, ends()), Outcome::done);
    std::string received;
    peer.read_some(received, -1, soon(), interrupt);
    EXPECT_EQ(received, second);
}

TEST_F(ChannelTest, GivesUpAtTheDeadline) {
    EXPECT_EQ(channel.send(first, ends(at_once())), Outcome::deadline);
    EXPECT_GT(channel.unsent(), 0U);
}

TEST_F(ChannelTest, GivesUpWhenSomethingEndsIt) {
    end.in.reset();
    EXPECT_EQ(channel.send(first, ends(Deadline::never())), Outcome::ended);
}

TEST_F(ChannelTest, SendsTheRestOfWhatWasGivenUpBeforeTheNextMessage) {
    channel.send(first, ends(at_once()));
    const auto received = received_during(first.size() + second.size(), [&] {
        EXPECT_EQ(channel.send(second, ends()), Outcome::done);
    });
    EXPECT_EQ(received, first + second);
}

TEST_F(ChannelTest, KeepsAllMessagesThatAreGivenUpInTheirOrder) {
    channel.send(first, ends(at_once()));
    channel.send(second, ends(at_once()));
    EXPECT_GT(channel.unsent(), second.size());
    const auto received = received_during(
        first.size() + second.size(), [&] { EXPECT_EQ(channel.send({}, ends()), Outcome::done); });
    EXPECT_EQ(received, first + second);
}

TEST_F(ChannelTest, KeepsTheRestWhenAnInterruptThrows) {
    interrupt.set_hook([] { throw std::runtime_error("Ctrl-C"); });
    EXPECT_EQ(::write(interrupt.wake_fd(), "x", 1), 1);
    EXPECT_THROW(channel.send(first, ends(Deadline::never())), std::runtime_error);
    const auto received =
        received_during(first.size(), [&] { EXPECT_EQ(channel.send({}, ends()), Outcome::done); });
    EXPECT_EQ(received, first);
}

TEST_F(ChannelTest, ForgetsTheRestForWhoIsThereNext) {
    channel.send(first, ends(at_once()));
    channel.forget_unsent();
    EXPECT_EQ(channel.unsent(), 0U);
}

TEST_F(ChannelTest, TellsASenderThatTheOtherSideClosed) {
    peer.close();
    EXPECT_EQ(channel.send(second, ends()), Outcome::closed);
}

TEST_F(ChannelTest, ReceivesWhatIsThere) {
    std::string text = "some ";
    peer.write_all("text", -1, soon(), interrupt);
    EXPECT_EQ(channel.receive(text, ends()), Outcome::done);
    EXPECT_EQ(text, "some text");
}

TEST_F(ChannelTest, ReceivesNothingUntilTheDeadline) {
    std::string text;
    EXPECT_EQ(channel.receive(text, ends(at_once())), Outcome::deadline);
}

TEST_F(ChannelTest, ReceivesNothingOnceSomethingEndsIt) {
    std::string text;
    end.in.reset();
    EXPECT_EQ(channel.receive(text, ends(Deadline::never())), Outcome::ended);
}

TEST_F(ChannelTest, ReceivesLastWordsBeforeTheEnd) {
    std::string text;
    peer.write_all("last words", -1, soon(), interrupt);
    end.in.reset();
    EXPECT_EQ(channel.receive(text, ends()), Outcome::done);
}

TEST_F(ChannelTest, TellsAReceiverThatTheOtherSideClosed) {
    std::string text;
    peer.close();
    EXPECT_EQ(channel.receive(text, ends()), Outcome::closed);
}

} // namespace

} // namespace ntd::os
