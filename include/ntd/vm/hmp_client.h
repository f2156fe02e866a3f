#pragma once

#include <ntd/os/byte_stream.h>
#include <ntd/proto/hmp_codec.h>
#include <ntd/vm/machine_process.h>
#include <ntd/vm/turn.h>

#include <string>
#include <string_view>

namespace ntd::vm {

// QEMU's human monitor: one command, one answer. Runs on the calling thread.
// Throws MachineDied, TimeoutError.
class HmpClient {
public:
    HmpClient(std::string machine, UniqueFd socket, MachineProcess& process, const Host& host);

    // The answer up to and with the prompt. For `quit`, what came until the connection ended.
    std::string execute(std::string_view command, Deadline deadline);

    // Reads up to the next prompt.
    std::string wait_for_prompt(Deadline deadline);

    os::ByteStream& stream() { return stream_; }

private:
    void take(std::string_view bytes, std::string_view command);
    std::string read_answer(std::string_view command, Deadline deadline);

    std::string machine_;
    std::string channel_ = machine_ + " monitor"; // in the trace
    os::ByteStream stream_;
    MachineProcess& process_;
    const Host& host_;
    Turn turn_;
    proto::HmpDecoder decoder_; // for the one who has the turn
    bool greeted_ = false;      // likewise: the first prompt has been read
};

} // namespace ntd::vm
