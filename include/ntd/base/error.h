#pragma once

#include <fmt/format.h>

#include <cerrno>
#include <exception>
#include <string>
#include <utility>

namespace ntd {

// Base of all errors that callers may want to handle. The message says what was tried, on what, and
// why it failed. add_context() prepends what a caller knows and the thrower does not. NUL bytes, at
// which what() would end, are shown as \x00.
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

// A system call failed. code() is the errno value; what() ends with its text.
class SystemError : public Error {
public:
    SystemError(int code, std::string_view doing);
    int code() const noexcept { return code_; }

private:
    int code_;
};

// The deadline passed before the expected event happened.
class TimeoutError : public Error {
    using Error::Error;
};

// The peer violated the protocol.
class ProtocolError : public Error {
    using Error::Error;
};

// A user's input (option, configuration file, argument) cannot be used.
class UsageError : public Error {
    using Error::Error;
};

// A machine failed: it does not start, boot or answer.
class MachineError : public Error {
    using Error::Error;
};

// The machine's process ended while it was still needed.
class MachineDied : public MachineError {
    using MachineError::MachineError;
};

// A condition that the test script asserted does not hold.
class RequestedAssertionFailed : public Error {
    using Error::Error;
};

// Throws SystemError for the current errno: throw_errno("open '{}'", path).
[[noreturn]] void throw_system_error(int code, std::string_view doing);

template <typename... Args>
[[noreturn]] void throw_errno(fmt::format_string<Args...> format, Args&&... args) {
    const int code = errno; // formatting may change it
    throw_system_error(code, fmt::format(format, std::forward<Args>(args)...));
}

} // namespace ntd
