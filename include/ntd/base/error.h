#pragma once

#include <fmt/format.h>

#include <cerrno>
#include <exception>
#include <string>
#include <utility>

namespace ntd {

// The root of everything that can go wrong and that somebody may want to handle. A message says
// what was tried, on what, and why it failed; add_context() puts in front of it what a caller knows
// better than the thrower. NUL bytes, at which what() would end, are shown as \x00.
class Error : public std::exception {
public:
    explicit Error(std::string message);

    template <typename... Args>
    explicit Error(fmt::format_string<Args...> format, Args&&... args)
        : Error(fmt::format(format, std::forward<Args>(args)...)) {}

    const char* what() const noexcept override { return message_.c_str(); }

    void add_context(std::string_view context);

private:
    std::string message_;
};

// A system call failed; what() ends with the text of code(), an errno value.
class SystemError : public Error {
public:
    SystemError(int code, std::string_view doing);
    int code() const noexcept { return code_; }

private:
    int code_;
};

// A deadline passed before what was waited for happened.
class TimeoutError : public Error {
    using Error::Error;
};

// The other side of a protocol said something that has no meaning in it.
class ProtocolError : public Error {
    using Error::Error;
};

// What a person wrote (option, configuration file, argument) cannot be used.
class UsageError : public Error {
    using Error::Error;
};

// Something about a machine itself: it does not start, boot, answer.
class MachineError : public Error {
    using Error::Error;
};

// The machine's process ended while somebody needed it.
class MachineDied : public MachineError {
    using MachineError::MachineError;
};

// What the test script asked for did not hold.
class RequestedAssertionFailed : public Error {
    using Error::Error;
};

// Throws SystemError for the present errno: throw_errno("open '{}'", path).
[[noreturn]] void throw_system_error(int code, std::string_view doing);

template <typename... Args>
[[noreturn]] void throw_errno(fmt::format_string<Args...> format, Args&&... args) {
    const int code = errno; // formatting may change it
    throw_system_error(code, fmt::format(format, std::forward<Args>(args)...));
}

} // namespace ntd
