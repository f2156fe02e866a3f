#pragma once

#include <asm/unistd.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

// System calls that lead out of a container whose root has the capabilities that systemd-nspawn
// leaves it: kexec, files by handle, keyrings, BPF, kernel modules and the like. systemd-nspawn's
// own filter does not allow them either.

namespace {

constexpr __u32 refused_calls[] = {__NR_kexec_load,   __NR_kexec_file_load, __NR_open_by_handle_at,
                                   __NR_add_key,      __NR_request_key,     __NR_keyctl,
                                   __NR_bpf,          __NR_perf_event_open, __NR_fanotify_init,
                                   __NR_swapon,       __NR_swapoff,         __NR_quotactl,
                                   __NR_quotactl_fd,  __NR_lookup_dcookie,  __NR_init_module,
                                   __NR_finit_module, __NR_delete_module};

// The same for 32-bit programs on the same processor.
#if defined(__x86_64__)
constexpr __u32 own_kind = AUDIT_ARCH_X86_64;
constexpr __u32 other_kind = AUDIT_ARCH_I386;
constexpr __u32 other_refused_calls[] = {283, 342, 286, 287, 288, 357, 336, 338,
                                         87,  115, 131, 443, 253, 128, 350, 129};
#elif defined(__aarch64__)
constexpr __u32 own_kind = AUDIT_ARCH_AARCH64;
constexpr __u32 other_kind = AUDIT_ARCH_ARM;
constexpr __u32 other_refused_calls[] = {347, 401, 371, 309, 310, 311, 386, 364, 367,
                                         87,  115, 131, 443, 249, 128, 379, 129};
#endif

constexpr __u32 x32 = 0x40000000; // x86-64's third numbering of system calls, in practice unused

class Filter {
public:
    Filter() {
        add(BPF_LD | BPF_W | BPF_ABS, 4); // seccomp_data::arch
        add(BPF_JMP | BPF_JEQ | BPF_K, own_kind, 4 + 2 * size(other_refused_calls), 0);
        add_unless(other_kind);
        add(BPF_LD | BPF_W | BPF_ABS, 0); // seccomp_data::nr
        for (const __u32 number : other_refused_calls)
            add_refusal(number);
        add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
        add(BPF_LD | BPF_W | BPF_ABS, 0);
        add(BPF_JMP | BPF_JGE | BPF_K, x32, 0, 1);
        refuse();
        for (const __u32 number : refused_calls)
            add_refusal(number);
        add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    }

    sock_filter* begin() { return lines_; }
    unsigned short length() const { return length_; }

private:
    template <unsigned long N>
    static constexpr unsigned size(const __u32 (&)[N]) {
        return N;
    }

    void add(unsigned code, __u32 operand, unsigned if_true = 0, unsigned if_false = 0) {
        lines_[length_++] = {static_cast<__u16>(code), static_cast<__u8>(if_true),
                             static_cast<__u8>(if_false), operand};
    }

    void refuse() { add(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 1); } // EPERM

    void add_refusal(__u32 number) {
        add(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1);
        refuse();
    }

    void add_unless(__u32 kind) {
        add(BPF_JMP | BPF_JEQ | BPF_K, kind, 1, 0);
        refuse();
    }

    sock_filter lines_[100];
    unsigned short length_ = 0;
};

} // namespace
