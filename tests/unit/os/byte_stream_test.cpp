#include <ntd/os/byte_stream.h>

#include "support.h"

#include <csignal>
#include <stdexcept>
#include <thread>

namespace ntd::os {

namespace {

using Outcome = ByteStream::Outcome;

class ByteStreamTest : public testing::Test {
protected:
    ByteStreamTest() : stream(std::move(sockets.ours)), peer(std::move(sockets.theirs)) {
        std::signal(SIGPIPE, SIG_IGN); // as the program does
    }

    Outcome read(std::string& to, Deadline deadline = soon()) {
        return stream.read_some(to, end.out.get(), deadline, interrupt);
    }

    Outcome write(std::string_view bytes, Deadline deadline = soon()) {
        return stream.write_all(bytes, end.out.get(), deadline, interrupt);
    }

    Outcome peer_says(std::string_view bytes) {
        return peer.write_all(bytes, -1, soon(), interrupt);
    }

    SocketPair sockets;
    ByteStream stream;
    ByteStream peer;
    Pipe end; // stands for the peer's pidfd
    Interrupt interrupt;
    const std::string megabytes = std::string(4 << 20, 'x');
};

TEST_F(ByteStreamTest, ReadsWhatIsThere) {
    std::string text;
    peer_says("text");
    read(text);
    EXPECT_EQ(text, "text");
}

TEST_F(ByteStreamTest, AppendsWhatItReads) {
    std::string text = "some ";
    peer_says("text");
    read(text);
    EXPECT_EQ(text, "some text");
}

TEST_F(ByteStreamTest, TellsThatThereIsData) {
    std::string text;
    peer_says("text");
    EXPECT_EQ(read(text), Outcome::data);
}

TEST_F(ByteStreamTest, KeepsEveryByte) {
    using namespace std::string_literals;
    std::string text;
    peer_says("\0\xFF\n\r"s);
    read(text);
    EXPECT_EQ(text, "\0\xFF\n\r"s);
}

TEST_F(ByteStreamTest, WaitsForTheFirstByte) {
    std::string text;
    const std::jthread writer([this] { EXPECT_EQ(::write(peer.fd(), "text", 4), 4); });
    read(text, Deadline::never());
    EXPECT_EQ(text, "text");
}

TEST_F(ByteStreamTest, GivesTheDeadlineWhenNothingComes) {
    std::string text;
    EXPECT_EQ(read(text, at_once()), Outcome::deadline);
}

TEST_F(ByteStreamTest, LeavesTheTextAloneWhenNothingComes) {
    std::string text = "text";
    read(text, at_once());
    EXPECT_EQ(text, "text");
}

TEST_F(ByteStreamTest, ReadsWhatIsThereAfterTheDeadline) {
    std::string text;
    peer_says("text");
    read(text, Deadline::after({}));
    EXPECT_EQ(text, "text");
}

TEST_F(ByteStreamTest, TellsThatTheOtherSideClosed) {
    std::string text;
    peer.close();
    EXPECT_EQ(read(text), Outcome::closed);
}

TEST_F(ByteStreamTest, ReadsTheLastWordsBeforeTheClose) {
    std::string text;
    peer_says("bye");
    peer.close();
    EXPECT_EQ(read(text), Outcome::data);
}

TEST_F(ByteStreamTest, TellsAResetForAClose) {
    std::string text;
    write("not read by the peer");
    peer.close();
    EXPECT_EQ(read(text), Outcome::closed);
}

TEST_F(ByteStreamTest, EndsAReadWithTheOtherSidesProcess) {
    std::string text;
    end.in.reset();
    EXPECT_EQ(read(text, Deadline::never()), Outcome::closed);
}

TEST_F(ByteStreamTest, ReadsTheLastWordsBeforeTheEnd) {
    std::string text;
    peer_says("bye");
    end.in.reset();
    read(text);
    EXPECT_EQ(text, "bye");
}

TEST_F(ByteStreamTest, ReadsWithoutWaiting) {
    std::string text;
    EXPECT_EQ(stream.read_ready(text), Outcome::deadline);
}

TEST_F(ByteStreamTest, ReadsWhatIsReady) {
    std::string text;
    peer_says("text");
    stream.read_ready(text);
    EXPECT_EQ(text, "text");
}

TEST_F(ByteStreamTest, WritesAll) {
    write("text");
    stream.close();
    EXPECT_EQ(read_all(peer.fd()), "text");
}

TEST_F(ByteStreamTest, WritesMoreThanTheSocketHolds) {
    std::string received;
    std::jthread reader([&] { received = read_all(peer.fd()); });
    write(megabytes);
    stream.close();
    reader.join();
    EXPECT_EQ(received.size(), megabytes.size());
}

TEST_F(ByteStreamTest, TellsThatAllIsWritten) {
    EXPECT_EQ(write("text"), Outcome::data);
}

TEST_F(ByteStreamTest, WritesNothingAtOnce) {
    EXPECT_EQ(write("", Deadline::after({})), Outcome::data);
}

TEST_F(ByteStreamTest, GivesTheDeadlineWhenNobodyReads) {
    EXPECT_EQ(write(megabytes, at_once()), Outcome::deadline);
}

TEST_F(ByteStreamTest, EndsAWriteWithTheOtherSidesProcess) {
    end.in.reset();
    EXPECT_EQ(write(megabytes, Deadline::never()), Outcome::closed);
}

TEST_F(ByteStreamTest, TellsAWriterThatTheOtherSideClosed) {
    peer.close();
    EXPECT_EQ(write("text"), Outcome::closed);
}

TEST_F(ByteStreamTest, EndsWithTheExceptionOfAnInterrupt) {
    std::string text;
    interrupt.set_hook([] { throw std::runtime_error("Ctrl-C"); });
    EXPECT_EQ(::write(interrupt.wake_fd(), "x", 1), 1);
    EXPECT_THROW(read(text, Deadline::never()), std::runtime_error);
}

TEST_F(ByteStreamTest, TellsWhatIsNotTakenAtOnce) {
    std::string_view rest = megabytes;
    EXPECT_EQ(stream.write_ready(rest), Outcome::deadline);
    std::string received;
    while (received.size() < megabytes.size() - rest.size())
        peer.read_some(received, -1, soon(), interrupt);
    EXPECT_EQ(received.size() + rest.size(), megabytes.size());
}

TEST_F(ByteStreamTest, IsFalseOnceClosed) {
    stream.close();
    EXPECT_FALSE(stream);
}

} // namespace

} // namespace ntd::os
