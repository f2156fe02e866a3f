#pragma once

#include <ntd/machine/machine_process.h>
#include <ntd/machine/turn.h>
#include <ntd/os/channel.h>
#include <ntd/proto/hmp_codec.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace ntd::qemu {

// QEMU's human monitor: one command, one answer. Runs on the calling thread.
// Throws MachineDied, TimeoutError.
class HmpClient {
public:
    HmpClient(std::string machine,
              UniqueFd socket,
              machine::MachineProcess& process,
              const machine::Host& host);

    // The answer up to and with the prompt. For `quit`, what came until the connection ended.
    std::string execute(std::string_view command, Deadline deadline);

    // Reads up to the next prompt.
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
    proto::HmpDecoder decoder_; // this and the rest are of whose turn it is
    bool is_greeted_ = false;   // the first prompt has been read
    bool is_behind_ = false;    // an answer may come that nobody waits for
    std::int64_t last_number_ = 0;
};

} // namespace ntd::qemu
