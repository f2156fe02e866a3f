#include <ntd/log/outlet.h>

#include "test_file.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <future>
#include <string>
#include <thread>
#include <vector>

namespace ntd::log {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t pipe_size = 1 << 12; // the kernel's minimum

// An Outlet on a small pipe, which only the test reads.
class OutletTest : public testing::Test {
protected:
    OutletTest() {
        std::array<int, 2> ends{};
        EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
        read_end.reset(ends[0]);
        write_end.reset(ends[1]);
        ::fcntl(write_end.get(), F_SETPIPE_SZ, pipe_size);
    }

    // An abandoned writer thread may still be writing to it.
    ~OutletTest() override { (void)write_end.release(); }

    // Reads until the end of the stream or `size` bytes.
    std::string read(std::size_t size) const {
        std::string text;
        std::array<char, pipe_size> part{};
        while (text.size() < size) {
            const auto count =
                ::read(read_end.get(), part.data(), std::min(part.size(), size - text.size()));
            if (count <= 0)
                break;
            text.append(part.data(), static_cast<std::size_t>(count));
        }
        return text;
    }

    UniqueFd read_end;
    UniqueFd write_end;
    const std::string line = std::string(99, 'x') + '\n';
    const std::string too_much = std::string(3 * pipe_size - 1, 'x') + '\n';
};

TEST_F(OutletTest, HasWrittenWhenItHasSettled) {
    const Capture capture;
    Outlet outlet(capture.fd());
    outlet.write("one\n");
    EXPECT_TRUE(outlet.settle());
    EXPECT_EQ(capture.text(), "one\n");
}

TEST_F(OutletTest, KeepsTheOrder) {
    const Capture capture;
    std::string all;
    {
        Outlet outlet(capture.fd());
        for (int i = 0; i < 10'000; ++i) {
            const auto text = std::to_string(i) + '\n';
            outlet.write(text);
            all += text;
        }
    }
    EXPECT_EQ(capture.text(), all);
}

TEST_F(OutletTest, WritesAtOnceWhatAPipeHasRoomFor) {
    Outlet outlet(write_end.get(), {.patience = 1h});
    ::fcntl(read_end.get(), F_SETFL, O_NONBLOCK);
    for (int i = 0; i < 1000; ++i) { // a thread would be late at least once
        outlet.write(line);
        ASSERT_EQ(read(line.size()), line);
    }
}

TEST_F(OutletTest, KeepsTheOrderOfWhatAPipeHasNoRoomFor) {
    Outlet outlet(write_end.get(), {.patience = 1h});
    std::string all;
    for (int i = 0; i < 1000; ++i) {
        const auto text = fmt::format("{}\n", i) + line;
        outlet.write(text);
        all += text;
    }
    EXPECT_EQ(read(all.size()), all);
}

TEST_F(OutletTest, DoesNotWaitForAReaderToWrite) {
    Outlet outlet(write_end.get(), {.patience = 1ms});
    outlet.write(too_much);
    outlet.write("next\n");
    EXPECT_FALSE(outlet.settle());
}

TEST_F(OutletTest, WaitsOnlyOnceForAReaderThatHasStopped) {
    Outlet outlet(write_end.get(), {.patience = 100ms});
    outlet.write(too_much);
    outlet.settle();
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < 1000; ++i)
        outlet.settle();
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 50s);
}

TEST_F(OutletTest, WaitsAgainOnceTheReaderHasTakenSomething) {
    Outlet outlet(write_end.get(), {.patience = 1s});
    outlet.write(too_much);
    EXPECT_FALSE(outlet.settle());
    auto text = std::async(std::launch::async, [&] { return read(too_much.size()); });
    EXPECT_EQ(text.get(), too_much);
    while (!outlet.settle())
        std::this_thread::yield(); // until the writer has seen it
    outlet.write("next\n");
    EXPECT_TRUE(outlet.settle());
}

TEST_F(OutletTest, WaitsAsLongAsTheReaderGetsOn) {
    Outlet outlet(write_end.get(), {.patience = 1s, .pace = 1});
    const std::string much(20 * pipe_size, 'x');
    outlet.write(much);
    auto text = std::async(std::launch::async, [&] {
        std::string all;
        while (all.size() < much.size()) {
            std::this_thread::sleep_for(100ms);
            all += read(pipe_size);
        }
        return all;
    });
    EXPECT_TRUE(outlet.settle());
    EXPECT_EQ(text.get(), much);
}

TEST_F(OutletTest, DoesNotWaitForAReaderThatIsTooSlow) {
    Outlet outlet(write_end.get(), {.patience = 100ms, .pace = 4 * pipe_size});
    outlet.write(std::string(4 * pipe_size, 'x'));
    EXPECT_EQ(read(pipe_size).size(), pipe_size);
    EXPECT_FALSE(outlet.settle());
    EXPECT_EQ(read(3 * pipe_size).size(), 3 * pipe_size);
}

TEST_F(OutletTest, HoldsNobodyUpIfItIsTold) {
    Outlet outlet(write_end.get(), {.patience = 1h});
    outlet.hold_nobody_up();
    outlet.write(line); // taken at once
    outlet.write(too_much);
    EXPECT_FALSE(outlet.settle());
    read(line.size() + too_much.size());
}

TEST_F(OutletTest, WaitsOnceMoreIfItIsTold) {
    Outlet outlet(write_end.get(), {.patience = 1h});
    outlet.hold_nobody_up();
    outlet.write(line);
    outlet.write(too_much);
    outlet.wait_once_more();
    auto text = std::async(std::launch::async, [&] { return read(line.size() + too_much.size()); });
    EXPECT_TRUE(outlet.settle());
    EXPECT_EQ(text.get(), line + too_much);
}

TEST_F(OutletTest, DoesNotWaitForTheRestThatItMayOwe) {
    Outlet outlet(write_end.get(), {.patience = 1h});
    outlet.write(too_much);
    EXPECT_TRUE(outlet.settle(too_much.size()));
    read(too_much.size());
}

TEST_F(OutletTest, WritesWhatHasWaited) {
    Outlet outlet(write_end.get(), {.patience = 1ms});
    outlet.write(too_much);
    outlet.settle();
    outlet.write("next\n");
    EXPECT_EQ(read(too_much.size() + 5), too_much + "next\n");
}

TEST_F(OutletTest, SaysInItsPlaceWhatIsLeftOut) {
    std::future<std::string> reading;
    {
        Outlet outlet(write_end.get(), {.patience = 1h, .most_waiting = 4 * pipe_size});
        outlet.write(too_much);
        for (int i = 0; i < 1000; ++i)
            outlet.write(line);
        reading =
            std::async(std::launch::async, [&] { return read(too_much.size() + 1000 * 100); });
        outlet.settle();
        outlet.write("next\n");
    }
    write_end.reset();
    const auto text = reading.get();
    const auto note = text.find('(');
    const auto kept = (note - too_much.size()) / line.size();
    EXPECT_TRUE(text.substr(note).starts_with(
        fmt::format("({} lines, {} bytes, ", 1000 - kept, (1000 - kept) * line.size())));
    EXPECT_TRUE(text.ends_with(")\nnext\n"));
}

TEST_F(OutletTest, SaysWhatIsLeftOutEvenIfNothingFollows) {
    Outlet outlet(write_end.get(), {.patience = 1ms, .most_waiting = pipe_size});
    outlet.write(too_much);
    outlet.write("one\ntwo\n");
    read(too_much.size());
    EXPECT_EQ(read(18), "(2 lines, 8 bytes,");
}

TEST_F(OutletTest, EndsWithoutItsReader) {
    const auto begin = std::chrono::steady_clock::now();
    {
        Outlet outlet(write_end.get(), {.patience = 1ms});
        outlet.write(too_much);
    }
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 50s);
    read_end.reset(); // ends the abandoned write
}

TEST_F(OutletTest, WritesWhatIsLeftAtItsEnd) {
    auto text = std::async(std::launch::async, [&] { return read(too_much.size()); });
    Outlet(write_end.get(), {.patience = 1h}).write(too_much);
    EXPECT_EQ(text.get(), too_much);
}

TEST_F(OutletTest, WritesElsewhereFromThereOn) {
    const Capture elsewhere;
    Outlet outlet(write_end.get(), {.patience = 1h});
    outlet.write("one\n");
    outlet.redirect(elsewhere.fd());
    outlet.write("two\n");
    outlet.redirect(-1);
    outlet.write("three\n");
    EXPECT_EQ(elsewhere.text(), "two\n");
    EXPECT_EQ(read(10), "one\nthree\n");
}

TEST_F(OutletTest, TellsWhyItCannotWrite) {
    Outlet outlet(UniqueFd(::open("/dev/full", O_WRONLY | O_CLOEXEC)));
    outlet.write("one\n");
    outlet.settle();
    EXPECT_EQ(outlet.error(), ENOSPC);
}

TEST_F(OutletTest, TakesTextFromManyThreads) {
    auto text = std::async(std::launch::async, [&] { return read(4 * 1000 * line.size()); });
    {
        Outlet outlet(write_end.get(), {.patience = 1h});
        std::vector<std::jthread> threads;
        for (int i = 0; i < 4; ++i)
            threads.emplace_back([&] {
                for (int k = 0; k < 1000; ++k) {
                    outlet.write(line);
                    outlet.settle();
                }
            });
    }
    EXPECT_EQ(text.get().size(), 4 * 1000 * line.size());
}

} // namespace

} // namespace ntd::log
