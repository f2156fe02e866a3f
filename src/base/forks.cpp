#include <ntd/base/forks.h>

#include <ntd/base/error.h>

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace ntd {

namespace forks {

std::atomic<bool> is_one = false;

namespace {

using Word = std::atomic<std::uint64_t>;

constexpr std::size_t bits = 64;
constexpr std::size_t most = std::size_t{1} << 20; // what the kernel allows a process by default

// Plain memory without a lock: a forked child must be able to read it.
std::array<Word, most / bits> owned{};

std::atomic<int> nothing = -1; // /dev/null
pid_t owner = 0;

// Runs in the forked child, which has only the thread that forked: it may only make system calls.
void become_bystander() noexcept {
    is_one = true;
    for (std::size_t i = 0; i < owned.size(); ++i)
        for (auto word = owned.at(i).load(std::memory_order_relaxed); word != 0; word &= word - 1)
            ::dup3(nothing, static_cast<int>(i * bits) + std::countr_zero(word), O_CLOEXEC);
}

} // namespace

void own(int fd) noexcept {
    const auto number = static_cast<std::size_t>(fd);
    if (fd >= 0 && number < most)
        owned.at(number / bits) |= std::uint64_t{1} << number % bits;
}

void disown(int fd) noexcept {
    const auto number = static_cast<std::size_t>(fd);
    if (fd >= 0 && number < most)
        owned.at(number / bits) &= ~(std::uint64_t{1} << number % bits);
}

} // namespace forks

void make_forks_bystanders() {
    forks::owner = ::getpid();
    forks::nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    if (forks::nothing < 0)
        throw_errno("open /dev/null");
    if (const int error = ::pthread_atfork(nullptr, nullptr, forks::become_bystander); error != 0)
        throw_system_error(error, "have forks looked after");
}

void refuse_forks() {
    if (is_fork())
        throw Error("process {} is a fork of the driver; machines and networks can only be used in "
                    "the driver itself, process {}",
                    ::getpid(), forks::owner);
}

} // namespace ntd
