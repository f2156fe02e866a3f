#include <ntd/os/broadcast.h>

#include "support.h"

#include <ntd/os/wait.h>

#include <optional>

namespace ntd::os {

namespace {

TEST(Broadcast, NotifiesAListener) {
    Broadcast broadcast;
    const Broadcast::Listener listener(broadcast);
    broadcast.notify();
    EXPECT_TRUE(is_readable(listener.fd()));
}

TEST(Broadcast, NotifiesEveryListener) {
    Broadcast broadcast;
    const Broadcast::Listener first(broadcast);
    const Broadcast::Listener second(broadcast);
    broadcast.notify();
    EXPECT_TRUE(is_readable(first.fd()) && is_readable(second.fd()));
}

TEST(Broadcast, LeavesAListenerAsleepUntilThen) {
    Broadcast broadcast;
    const Broadcast::Listener listener(broadcast);
    EXPECT_FALSE(is_readable(listener.fd()));
}

TEST(Broadcast, DoesNotTellALaterListenerWhatHasBeen) {
    Broadcast broadcast;
    broadcast.notify();
    const Broadcast::Listener listener(broadcast);
    EXPECT_FALSE(is_readable(listener.fd()));
}

TEST(Broadcast, SleepsAgainAfterAReset) {
    Broadcast broadcast;
    Broadcast::Listener listener(broadcast);
    broadcast.notify();
    broadcast.notify();
    listener.reset();
    EXPECT_FALSE(is_readable(listener.fd()));
}

TEST(Broadcast, NotifiesAgainAfterAReset) {
    Broadcast broadcast;
    Broadcast::Listener listener(broadcast);
    broadcast.notify();
    listener.reset();
    broadcast.notify();
    EXPECT_TRUE(is_readable(listener.fd()));
}

TEST(Broadcast, CanBeResetWithoutANotification) {
    Broadcast broadcast;
    Broadcast::Listener listener(broadcast);
    listener.reset();
    EXPECT_FALSE(is_readable(listener.fd()));
}

TEST(Broadcast, ForgetsAListenerAtItsEnd) {
    Broadcast broadcast;
    std::optional<Broadcast::Listener> listener(std::in_place, broadcast);
    const Pipe pipe; // made while the listener is open, so with other numbers
    const int fd = listener->fd();
    listener.reset();
    ASSERT_EQ(::dup2(pipe.out.get(), fd), fd);
    broadcast.notify();
    EXPECT_FALSE(is_readable(fd));
    ::close(fd);
}

TEST(Broadcast, EndsAWaitInAnotherThread) {
    Broadcast broadcast;
    const Broadcast::Listener listener(broadcast);
    Interrupt interrupt;
    const std::jthread notifier([&] { broadcast.notify(); });
    EXPECT_EQ(wait_readable({listener.fd()}, Deadline::never(), interrupt), 0U);
}

TEST(Broadcast, TakesListenersThatComeAndGoMeanwhile) {
    Broadcast broadcast;
    const std::jthread notifier([&](const std::stop_token& stop) {
        while (!stop.stop_requested())
            broadcast.notify();
    });
    for (int i = 0; i < 1000; ++i)
        const Broadcast::Listener listener(broadcast);
    const Broadcast::Listener last(broadcast);
    EXPECT_TRUE(becomes_readable(last.fd()));
}

} // namespace

} // namespace ntd::os
