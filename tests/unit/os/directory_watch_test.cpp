#include <ntd/os/directory_watch.h>

#include "support.h"

#include <ntd/base/error.h>
#include <ntd/os/unix_socket.h>

namespace ntd::os {

namespace {

TEST(DirectoryWatch, TellsThatASocketHasAppeared) {
    const ScratchDir scratch;
    const DirectoryWatch watch(scratch.file(""));
    EXPECT_FALSE(is_readable(watch.fd()));
    const UnixListener listener(scratch.file("socket"));
    EXPECT_TRUE(becomes_readable(watch.fd()));
}

TEST(DirectoryWatch, TellsItOnce) {
    const ScratchDir scratch;
    DirectoryWatch watch(scratch.file(""));
    const UnixListener listener(scratch.file("socket"));
    watch.reset();
    EXPECT_FALSE(is_readable(watch.fd()));
}

TEST(DirectoryWatch, NeedsADirectory) {
    const ScratchDir scratch;
    EXPECT_THROW(DirectoryWatch(scratch.file("none")), SystemError);
}

} // namespace

} // namespace ntd::os
