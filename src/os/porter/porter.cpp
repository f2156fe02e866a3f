// The program that brings a process into a container, see <ntd/os/container_entry.h>.
//
// It runs as three processes, each of which has no more access than it needs:
//
// - The porter itself stays on the host. It waits, and ends with the status of the command.
// - The second one enters all namespaces of the container and takes on init's rights. As it keeps
//   its PID namespace, no process of the container can see it: none can signal or trace it.
// - The third one starts in the container's PID namespace. From its first instruction, root in the
//   container can trace it, write its memory and take its descriptors. Therefore it runs this
//   program, which has neither libraries nor memory of the driver: there is nothing to take but the
//   command, its standard streams, and a sealed copy of these instructions.
//
// There is no C library: a shared one would be a file of the host that a tracer can write to.

#include "filter.h"

#include <asm/unistd.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/keyctl.h>
#include <linux/prctl.h>
#include <linux/sched.h>

namespace {

using Word = unsigned long;

#if defined(__x86_64__)
asm(R"(
.globl _start
_start:
    xor %ebp, %ebp
    mov %rsp, %rdi
    and $-16, %rsp
    call ntd_porter
)");

long call(Word number, Word a = 0, Word b = 0, Word c = 0, Word d = 0, Word e = 0) {
    long result;
    register Word r10 asm("r10") = d;
    register Word r8 asm("r8") = e;
    asm volatile("syscall"
                 : "=a"(result)
                 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                 : "rcx", "r11", "memory");
    return result;
}
#elif defined(__aarch64__)
asm(R"(
.globl _start
_start:
    mov x29, #0
    mov x0, sp
    bl ntd_porter
)");

long call(Word number, Word a = 0, Word b = 0, Word c = 0, Word d = 0, Word e = 0) {
    register Word x8 asm("x8") = number;
    register Word x0 asm("x0") = a;
    register Word x1 asm("x1") = b;
    register Word x2 asm("x2") = c;
    register Word x3 asm("x3") = d;
    register Word x4 asm("x4") = e;
    asm volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
    return static_cast<long>(x0);
}
#else
#error "porter.cpp has no system calls for this processor yet"
#endif

constexpr Word child_signal = 17; // SIGCHLD
constexpr int cannot_enter = 125; // ContainerEntry::cannot_enter
constexpr int interrupted = -4;   // EINTR
constexpr int set_mask = 2;       // SIG_SETMASK

template <typename T>
Word address(T* pointer) {
    return reinterpret_cast<Word>(pointer);
}

[[noreturn]] void end(int status) {
    for (;;)
        call(__NR_exit_group, static_cast<Word>(status));
}

void say(const char* text) {
    Word size = 0;
    while (text[size] != '\0')
        ++size;
    call(__NR_write, 2, address(text), size);
}

[[noreturn]] void fail(const char* what, long error) {
    char number[] = "000\n";
    for (int i = 2; i >= 0; --i, error /= 10)
        number[i] = static_cast<char>('0' - error % 10); // `error` is -errno
    say("nixos-test-driver: cannot enter the container: ");
    say(what);
    say(": error ");
    say(number);
    end(cannot_enter);
}

void must(const char* what, long result) {
    if (result < 0)
        fail(what, result);
}

// The arguments, in this order. They are followed by the number of programs, the programs, a place
// for the program that is executed, and its arguments.
struct Order {
    Word init;       // a pidfd
    Word namespaces; // init's that differ from ours: CLONE_NEW...
    Word root;       // init's root directory
    Word cgroup;     // the directory of the command's cgroup
    Word inheritable;
    Word permitted;
    Word effective;
    Word bounding;
    Word no_new_privileges;
    Word seccomp; // 2: init has a filter
};

Word number(const char* text) {
    Word result = 0;
    for (; *text >= '0' && *text <= '9'; ++text)
        result = result * 10 + static_cast<Word>(*text - '0');
    return result;
}

// Becomes root of the container, without groups and keys of the host's root. setgroups(2) may fail:
// some user namespaces do not allow it.
void become_root() {
    call(__NR_setgroups, 0, 0);
    must("its group", call(__NR_setresgid, 0, 0, 0));
    must("its user", call(__NR_setresuid, 0, 0, 0));
    call(__NR_keyctl, KEYCTL_JOIN_SESSION_KEYRING, 0); // fails on kernels without keys
}

// Refuses calls that the container's capabilities would otherwise allow. Runs before
// take_capabilities(), which may drop CAP_SYS_ADMIN: without that, seccomp(2) needs no_new_privs.
void refuse_calls() {
    Filter filter;
    sock_fprog program{filter.length(), filter.begin()};
    must("its filter", call(__NR_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, address(&program)));
}

void take_capabilities(const Order& order) {
    call(__NR_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL);
    for (Word capability = 0; capability < 64; ++capability)
        if ((order.bounding >> capability & 1) == 0 &&
            call(__NR_prctl, PR_CAPBSET_READ, capability) == 1)
            must("its bounding set", call(__NR_prctl, PR_CAPBSET_DROP, capability));
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2];
    for (int half = 0; half < 2; ++half) {
        // capset(2) refuses inheritable ones that are not in the bounding set.
        const Word inheritable = order.inheritable & order.bounding;
        data[half].inheritable = static_cast<__u32>(inheritable >> 32 * half);
        data[half].permitted = static_cast<__u32>(order.permitted >> 32 * half);
        data[half].effective = static_cast<__u32>(order.effective >> 32 * half);
    }
    must("its capabilities", call(__NR_capset, address(&header), address(data)));
}

void enter(const Order& order) {
    must("its namespaces", call(__NR_setns, order.init, order.namespaces));
    become_root();
    must("its root", call(__NR_fchdir, order.root));
    must("its root", call(__NR_chroot, address(".")));
    if (order.seccomp == SECCOMP_MODE_FILTER)
        refuse_calls();
    take_capabilities(order);
    if (order.no_new_privileges != 0)
        must("no_new_privs", call(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1));
    must("descriptors", call(__NR_close_range, 3, ~0U, 0));
}

void set_signal_mask(Word mask) {
    call(__NR_rt_sigprocmask, set_mask, address(&mask), 0, sizeof mask);
}

// Runs in the container: executes the first program that can be executed.
[[noreturn]] void execute(Word programs, char** words, char** environment) {
    set_signal_mask(0);
    char** arguments = words + programs;
    long error = 0;
    for (; programs > 0; --programs, ++words) {
        *arguments = *words;
        error = call(__NR_execve, address(*words), address(arguments), address(environment));
    }
    fail("none of its shells can be executed", error);
}

// Runs in the second process. The third one becomes a child of the first (CLONE_PARENT), which
// waits for it.
[[noreturn]] void carry(const Order& order, Word programs, char** words, char** environment) {
    enter(order);
    clone_args clone{};
    clone.flags = CLONE_PARENT;
    const long child = call(__NR_clone3, address(&clone), sizeof clone);
    must("its processes", child);
    if (child == 0)
        execute(programs, words, environment);
    end(0);
}

// Waits for both processes and returns the command's exit status. The second one exits with 0 once
// it has started the third.
int status_of_command(long second) {
    int status_of_third = cannot_enter << 8;
    for (;;) {
        int status = 0;
        const long child = call(__NR_wait4, ~0UL, address(&status), 0, 0);
        if (child == interrupted)
            continue;
        if (child < 0) // no more children
            break;
        if (child != second || status != 0)
            status_of_third = status;
    }
    const int signal = status_of_third & 0x7f;
    return signal != 0 ? 128 + signal : status_of_third >> 8 & 0xff;
}

int run(char** words, char** environment) {
    Word fields[11];
    for (Word& field : fields)
        field = number(*++words);
    const Order order{fields[0], fields[1], fields[2], fields[3], fields[4],
                      fields[5], fields[6], fields[7], fields[8], fields[9]};
    set_signal_mask(~0UL); // signals for the command must not end us before it ends
    clone_args clone{};
    clone.flags = CLONE_INTO_CGROUP;
    clone.exit_signal = child_signal;
    clone.cgroup = order.cgroup;
    const long second = call(__NR_clone3, address(&clone), sizeof clone);
    must("its cgroup", second);
    if (second == 0)
        carry(order, fields[10], ++words, environment);
    call(__NR_close_range, 0, ~0U, 0);
    return status_of_command(second);
}

} // namespace

extern "C" {

// The compiler may insert calls to it.
void* memset(void* to, int byte, Word size) {
    for (volatile char* next = static_cast<char*>(to); size > 0; --size)
        *next++ = static_cast<char>(byte);
    return to;
}

[[noreturn]] void ntd_porter(Word* stack) {
    auto** words = reinterpret_cast<char**>(stack + 1);
    end(run(words, words + *stack + 1));
}
}
