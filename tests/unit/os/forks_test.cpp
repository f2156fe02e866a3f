#include <ntd/base/forks.h>

#include "support.h"

#include <ntd/base/error.h>
#include <ntd/base/guarded.h>
#include <ntd/os/child_process.h>
#include <ntd/os/event_loop.h>
#include <ntd/os/wait.h>

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include <functional>
#include <memory>

namespace ntd::os {

namespace {

// Runs a function in a fork of this process and returns its result. SIGALRM ends a fork that hangs.
int in_fork(const std::function<int()>& function) {
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::alarm(60);
        ::_exit(function());
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

// Runs it in a separate process, because make_forks_bystanders() cannot be undone.
int in_driver(const std::function<int()>& function) {
    return in_fork([&] {
        make_forks_bystanders();
        return function();
    });
}

bool is_null_device(int fd) {
    struct stat status {};
    return ::fstat(fd, &status) == 0 && S_ISCHR(status.st_mode) &&
           status.st_rdev == ::makedev(1, 3);
}

} // namespace

TEST(Forks, DoNotHaveDescriptorsWithAnOwner) {
    EXPECT_EQ(in_driver([] {
                  const Pipe pipe;
                  const int inside = in_fork([&] { return is_null_device(pipe.in.get()) ? 5 : 6; });
                  return is_null_device(pipe.in.get()) ? 7 : inside;
              }),
              5);
}

TEST(Forks, HaveDescriptorsThatTheirOwnerHasGivenAway) {
    EXPECT_EQ(in_driver([] {
                  Pipe pipe;
                  const int given = pipe.in.release();
                  return in_fork([&] { return is_null_device(given) ? 6 : 5; });
              }),
              5);
}

TEST(Forks, HaveMovedDescriptorsNot) {
    EXPECT_EQ(in_driver([] {
                  Pipe pipe;
                  const UniqueFd first(std::move(pipe.in));
                  UniqueFd second;
                  second = std::move(pipe.out);
                  return in_fork([&] {
                      return is_null_device(first.get()) && is_null_device(second.get()) ? 5 : 6;
                  });
              }),
              5);
}

TEST(Forks, HaveDescriptorsWithoutAnOwner) {
    EXPECT_EQ(in_driver([] {
                  Pipe pipe;
                  const int plain = ::dup(pipe.in.get());
                  pipe.in.reset();
                  return in_fork([&] {
                      return ::fcntl(plain, F_GETFL) >= 0 && !is_null_device(plain) ? 5 : 6;
                  });
              }),
              5);
}

TEST(Forks, DoNotWaitForALockThatAThreadHolds) {
    EXPECT_EQ(in_driver([] {
                  Guarded<int> data(5);
                  return data.with([&](int&) { return in_fork([&] { return data.copy(); }); });
              }),
              5);
}

TEST(Forks, DoNotWaitForTheIoThread) {
    EXPECT_EQ(in_driver([] {
                  auto loop = std::make_unique<EventLoop>();
                  const Pipe pipe;
                  auto watch = loop->watch(pipe.out.get(), [] { return true; });
                  return in_fork([&] {
                      watch.reset();
                      loop.reset();
                      return 5;
                  });
              }),
              5);
}

TEST(Forks, AreRefusedWaits) {
    EXPECT_EQ(in_driver([] {
                  Interrupt interrupt;
                  return in_fork([&] {
                      try {
                          wait_readable({}, Deadline::never(), interrupt);
                      } catch (const Error&) {
                          return 5;
                      }
                      return 6;
                  });
              }),
              5);
}

TEST(Forks, DoNotEndChildrenOfTheProcess) {
    EXPECT_EQ(
        in_driver([] {
            const OrphanGuard guard;
            const ProcessSpec spec{.argv = {"sleep", "1000"}, .environment = current_environment()};
            auto child = std::make_unique<ChildProcess>(spec, guard);
            const int inside = in_fork([&] {
                child->end(Deadline::after(std::chrono::seconds(0)));
                child.reset();
                return 5;
            });
            return child->poll() ? 6 : inside;
        }),
        5);
}

} // namespace ntd::os
