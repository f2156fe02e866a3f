#pragma once

#include <sys/types.h>

namespace ntd::os {

// fork(2), for programs that have no thread yet. The child, to which it returns 0, is sent `signal`
// when the thread that called it ends, however that comes. Throws SystemError.
pid_t fork_bound(int signal);

} // namespace ntd::os
