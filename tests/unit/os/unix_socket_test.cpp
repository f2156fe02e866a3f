#include <ntd/os/unix_socket.h>

#include "support.h"

#include <ntd/base/error.h>

#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>
#include <fstream>
#include <optional>

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

class Datagrams : public UnixSocket {
protected:
    UniqueFd sender() const {
        UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, path.size());
        EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
                  0);
        return fd;
    }

    void send(std::string_view text) const {
        EXPECT_EQ(::send(sender().get(), text.data(), text.size(), 0),
                  static_cast<ssize_t>(text.size()));
    }
};

TEST_F(Datagrams, KnowWhoHasSentThem) {
    UnixDatagrams datagrams(path);
    send("text");
    const auto received = datagrams.receive();
    ASSERT_TRUE(received);
    EXPECT_EQ(received->text, "text");
    EXPECT_EQ(received->sender, ::getpid());
}

TEST_F(Datagrams, AreThereOrNot) {
    UnixDatagrams datagrams(path);
    EXPECT_FALSE(datagrams.receive());
    send("");
    EXPECT_TRUE(datagrams.receive());
    EXPECT_FALSE(datagrams.receive());
}

TEST_F(Datagrams, HaveNoTextIfTheyAreTooLong) {
    UnixDatagrams datagrams(path);
    send(std::string(UnixDatagrams::longest, 'x'));
    EXPECT_EQ(datagrams.receive()->text.size(), UnixDatagrams::longest);
    send(std::string(UnixDatagrams::longest + 1, 'x'));
    EXPECT_EQ(datagrams.receive()->text, "");
}

TEST_F(Datagrams, BringNoDescriptors) {
    UnixDatagrams datagrams(path);
    Pipe pipe;
    std::array<char, CMSG_SPACE(sizeof(int))> control{};
    iovec text{const_cast<char*>("text"), 4};
    msghdr message{};
    message.msg_iov = &text;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    const int fd = pipe.in.get();
    std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
    ASSERT_EQ(::sendmsg(sender().get(), &message, 0), 4);
    pipe.in.reset();
    EXPECT_EQ(datagrams.receive()->text, "text");
    EXPECT_EQ(read_all(pipe.out.get()), "") << "somebody still has the other end";
}

TEST_F(Datagrams, AreForOurUserAlone) {
    const UnixDatagrams datagrams(path);
    struct stat status {};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(Datagrams, ReplaceWhatAnEarlierRunHasLeft) {
    std::ofstream(path) << "no socket";
    UnixDatagrams datagrams(path);
    send("text");
    EXPECT_EQ(datagrams.receive()->text, "text");
}

TEST_F(Datagrams, LeaveAnotherSocketInTheirPlaceAlone) {
    std::optional<UnixDatagrams> first(path);
    first->remove();
    const UnixDatagrams second(path);
    first.reset();
    EXPECT_TRUE(std::filesystem::exists(path));
}

} // namespace

} // namespace ntd::os
