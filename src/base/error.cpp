#include <ntd/base/error.h>

#include <system_error>

namespace ntd {

SystemError::SystemError(int code, std::string_view doing)
    : Error("{}: {}", doing, std::generic_category().message(code)), code_(code) {}

void throw_system_error(int code, std::string_view doing) {
    throw SystemError(code, doing);
}

} // namespace ntd
