#include <ntd/os/fork.h>

#include <ntd/base/error.h>

#include <sys/prctl.h>
#include <unistd.h>

namespace ntd::os {

pid_t fork_bound(int signal) {
    const pid_t parent = ::getpid();
    const pid_t child = ::fork();
    if (child < 0)
        throw_errno("fork");
    if (child > 0)
        return child;
    ::prctl(PR_SET_PDEATHSIG, signal);
    if (::getppid() != parent) // the parent ended before prctl()
        ::_exit(1);
    return 0;
}

} // namespace ntd::os
