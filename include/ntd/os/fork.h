#pragma once

#include <sys/types.h>

namespace ntd::os {

// fork(2), for programs that have no threads yet. Returns 0 in the child. The kernel sends the
// child `signal` when the calling thread ends, for whatever reason. Throws SystemError.
pid_t fork_bound(int signal);

} // namespace ntd::os
