#pragma once

#include <ntd/machine/machine_process.h>
#include <ntd/machine/turn.h>
#include <ntd/os/channel.h>
#include <ntd/proto/hmp_codec.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace ntd::qemu {

// A client of QEMU's human monitor (HMP). One command has one answer. I/O happens on the calling
// thread; other callers wait for their turn. Throws MachineDied, TimeoutError.
class HmpClient {
public:
    HmpClient(std::string machine,
              UniqueFd socket,
              machine::MachineProcess& process,
              const machine::Host& host);

    // Returns the answer, prompt included. For `quit`, returns what arrived before the connection
    // closed.
    std::string execute(std::string_view command, Deadline deadline);

    // Reads up to and with the next prompt.
    std::string wait_for_prompt(Deadline deadline);

    int fd() const { return channel_.fd(); }

private:
    os::Ends ends(Deadline deadline) const;
    void recover(Deadline deadline);
    void send(std::string_view line, std::string_view command, Deadline deadline);
    void take(std::string_view bytes, std::string_view command);
    std::string read_answer(std::string_view command, Deadline deadline);

    std::string machine_;
    std::string trace_name_ = machine_ + " monitor";
    os::Channel channel_;
    machine::MachineProcess& process_;
    const machine::Host& host_;
    machine::Turn turn_;
    proto::HmpDecoder decoder_; // only the holder of turn_ uses this and what follows
    bool is_greeted_ = false;   // the first prompt has been read
    bool is_behind_ = false;    // an earlier call left an answer unread
    std::int64_t last_number_ = 0;
};

} // namespace ntd::qemu
