#include <ntd/os/unix_socket.h>

#include "support.h"

#include <ntd/base/error.h>

#include <fstream>

namespace ntd::os {

namespace {

class UnixSocket : public testing::Test {
protected:
    std::string path_of_length(std::size_t length) const {
        const auto begin = scratch.file("x");
        return begin + std::string(length - begin.size(), 'x');
    }

    // The errno of the error that a function throws.
    template <typename Function>
    static int code_of(Function&& function) {
        try {
            function();
        } catch (const SystemError& error) {
            return error.code();
        }
        return 0;
    }

    ScratchDir scratch;
    const std::string path = scratch.file("socket");
};

TEST_F(UnixSocket, TellsThatSomebodyConnects) {
    const UnixListener listener(path);
    const auto client = connect_unix(path);
    EXPECT_TRUE(becomes_readable(listener.fd()));
}

TEST_F(UnixSocket, IsQuietUntilThen) {
    const UnixListener listener(path);
    EXPECT_FALSE(is_readable(listener.fd()));
}

TEST_F(UnixSocket, CarriesBytes) {
    UnixListener listener(path);
    auto client = connect_unix(path);
    const auto server = listener.accept();
    ASSERT_EQ(::write(client.get(), "text", 4), 4);
    client.reset();
    EXPECT_EQ(read_all(server.get()), "text");
}

TEST_F(UnixSocket, AcceptsNonBlockingSockets) {
    UnixListener listener(path);
    const auto client = connect_unix(path);
    EXPECT_NE(::fcntl(listener.accept().get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST_F(UnixSocket, ConnectsNonBlockingSockets) {
    const UnixListener listener(path);
    EXPECT_NE(::fcntl(connect_unix(path).get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST_F(UnixSocket, KeepsItsSocketsFromOtherPrograms) {
    UnixListener listener(path);
    const auto client = connect_unix(path);
    const auto server = listener.accept();
    EXPECT_EQ(::fcntl(listener.fd(), F_GETFD) & ::fcntl(client.get(), F_GETFD) &
                  ::fcntl(server.get(), F_GETFD) & FD_CLOEXEC,
              FD_CLOEXEC);
}

TEST_F(UnixSocket, ReplacesWhatAnEarlierRunLeft) {
    std::ofstream(path) << "old";
    EXPECT_NO_THROW(UnixListener{path});
}

TEST_F(UnixSocket, RemovesItsFileAtTheEnd) {
    { const UnixListener listener(path); }
    EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(UnixSocket, TakesTheLongestPathThatTheKernelTakes) {
    const UnixListener listener(path_of_length(longest_socket_path));
    EXPECT_NO_THROW(connect_unix(path_of_length(longest_socket_path)));
}

TEST_F(UnixSocket, RefusesToListenOnALongerPath) {
    EXPECT_EQ(code_of([&] { UnixListener{path_of_length(longest_socket_path + 1)}; }),
              ENAMETOOLONG);
}

TEST_F(UnixSocket, RefusesToConnectToALongerPath) {
    EXPECT_EQ(code_of([&] { connect_unix(path_of_length(longest_socket_path + 1)); }),
              ENAMETOOLONG);
}

TEST_F(UnixSocket, NamesAPathThatIsTooLong) {
    const auto longer = path_of_length(150);
    try {
        const UnixListener listener(longer);
        FAIL() << "no error";
    } catch (const SystemError& error) {
        EXPECT_EQ(error.what(), "use '" + longer + "' as a socket: File name too long");
    }
}

TEST_F(UnixSocket, NamesADirectoryThatIsNotThere) {
    const auto missing = scratch.file("none") + "/socket";
    try {
        const UnixListener listener(missing);
        FAIL() << "no error";
    } catch (const SystemError& error) {
        EXPECT_EQ(error.what(), "bind '" + missing + "': No such file or directory");
    }
}

TEST_F(UnixSocket, NamesASocketThatIsNotThere) {
    try {
        connect_unix(path);
        FAIL() << "no error";
    } catch (const SystemError& error) {
        EXPECT_EQ(error.what(), "connect to '" + path + "': No such file or directory");
    }
}

TEST_F(UnixSocket, TellsThatNobodyListens) {
    std::ofstream(path) << "no socket";
    EXPECT_EQ(code_of([&] { connect_unix(path); }), ECONNREFUSED);
}

} // namespace

} // namespace ntd::os
