#pragma once

#include <ntd/machine/helper_process.h>
#include <ntd/machine/turn.h>
#include <ntd/os/broadcast.h>
#include <ntd/proto/vde_codec.h>

#include <functional>
#include <string>
#include <string_view>

namespace ntd::network {

// A program of vde2 (vde_switch, wirefilter) that reads commands from its standard input. It runs
// during the lifetime of this object (or until stop()).
class VdeConsole {
public:
    // Called on the I/O thread with each event to which we have subscribed:
    // "3031 port/ep/+ Port 01 FD  3".
    using OnEvent = std::function<void(std::string_view)>;

    // `what` names the program in messages. Throws SystemError.
    VdeConsole(std::string what,
               const os::ProcessSpec& spec,
               const machine::Host& host,
               OnEvent on_event = {});

    pid_t pid() const { return process_.pid(); }

    // Sends a command and returns the answer. Throws MachineError if the program has ended (with
    // its last output) or does not answer. Must not be called on the I/O thread.
    proto::VdeReply ask(std::string_view command);

    // Like ask(), but also throws MachineError if the program refuses the command.
    proto::VdeReply command(std::string_view command);

    void check() { process_.check(); } // throws MachineError if it has ended
    void stop() noexcept { process_.stop(); }

private:
    struct State {
        int answers = 0;
        proto::VdeReply reply; // the last answer
    };

    void on_output(std::string_view bytes);
    void wait_for_answers(std::string_view command, Deadline deadline);

    const machine::Host& host_;
    OnEvent on_event_;
    proto::VdeDecoder decoder_; // I/O thread
    Guarded<State> state_;
    os::Broadcast changed_;
    machine::Turn turn_;             // one command and its answer at a time
    int commands_ = 0;               // guarded by turn_
    machine::HelperProcess process_; // last: its callback uses the other members
};

} // namespace ntd::network
