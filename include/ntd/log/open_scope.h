#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace ntd::log {

// What a thread is doing: a scope of the log that has not ended. If it is a wait, also what the
// wait has seen so far.
struct OpenScope {
    std::uint64_t id = 0;
    std::uint64_t outer = 0; // id of the scope around it, 0 for none
    std::string machine;     // empty: not about one machine
    std::string text;
    std::chrono::steady_clock::time_point begin;
    int line = 0; // of the test script; 0: unknown
    std::size_t looks = 0;
    std::string saw; // at the last look
};

// "waiting for unit web.service; looked 3 times; unit \"web.service\" is activating"
std::string described(const OpenScope& scope);

// Sets the line of the test script that the calling thread is at, for what it logs; 0: unknown.
void set_script_line(int line) noexcept;

} // namespace ntd::log
