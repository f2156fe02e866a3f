#include <ntd/os/vsock_mux.h>

#include "support.h"

#include <ntd/base/error.h>
#include <ntd/os/unix_socket.h>

#include <functional>
#include <thread>

namespace ntd::os {

namespace {

class VsockMux : public testing::Test {
protected:
    // Connects to a server that sends `answer` and closes the connection. Returns the request that
    // the server has read.
    std::string connect_to_one_that_says(std::string_view answer) {
        std::string request;
        const std::jthread server([&] {
            EXPECT_TRUE(becomes_readable(listener.fd()));
            const auto connection = listener.accept();
            EXPECT_TRUE(becomes_readable(connection.get()));
            std::array<char, 64> bytes{};
            const auto count = ::read(connection.get(), bytes.data(), bytes.size());
            request.assign(bytes.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
            EXPECT_EQ(::write(connection.get(), answer.data(), answer.size()),
                      static_cast<ssize_t>(answer.size()));
        });
        socket = connect_vsock_mux(path, 22, {-1, -1}, soon(), none);
        return request;
    }

    ScratchDir scratch;
    Interrupt none;
    const std::string path = scratch.file("socket");
    UnixListener listener{path};
    UniqueFd socket;
};

TEST_F(VsockMux, AsksForThePort) {
    EXPECT_EQ(connect_to_one_that_says("OK 1024\n"), "CONNECT 22\n");
}

TEST_F(VsockMux, LeavesWhatComesBehindTheAnswer) {
    connect_to_one_that_says("OK 1024\nSSH-2.0\n");
    EXPECT_EQ(read_all(socket.get()), "SSH-2.0\n");
}

TEST_F(VsockMux, IsRefusedByAnEndWithoutAnAnswer) {
    try {
        connect_to_one_that_says("");
        FAIL() << "nothing was thrown";
    } catch (const SystemError& error) {
        EXPECT_EQ(error.code(), ECONNREFUSED);
    }
}

TEST_F(VsockMux, TakesNoOtherAnswer) {
    EXPECT_THROW(connect_to_one_that_says("ERROR no\n"), ProtocolError);
}

TEST_F(VsockMux, TakesNoHalfAnswer) {
    EXPECT_THROW(connect_to_one_that_says("OK 10"), ProtocolError);
}

TEST_F(VsockMux, TakesNoEndlessAnswer) {
    EXPECT_THROW(connect_to_one_that_says("OK " + std::string(1000, '1')), ProtocolError);
}

TEST_F(VsockMux, WaitsNoLongerThanTheDeadline) {
    EXPECT_THROW(connect_vsock_mux(path, 22, {-1, -1}, at_once(), none), TimeoutError);
}

TEST_F(VsockMux, WaitsNoLongerThanTheOtherSideLives) {
    const Pipe other_side;
    other_side.write("end");
    EXPECT_THROW(connect_vsock_mux(path, 22, {-1, other_side.out.get()}, soon(), none),
                 SystemError);
}

TEST_F(VsockMux, SaysThatThereIsNoSocket) {
    EXPECT_THROW(connect_vsock_mux(scratch.file("none"), 22, {-1, -1}, soon(), none), SystemError);
}

} // namespace

} // namespace ntd::os
