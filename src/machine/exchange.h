#pragma once

#include <ntd/machine/guest_shell.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace ntd::machine {

struct GuestShell::Exchange {
    Exchange(std::string_view text, GuestShell& shell, std::string mark = proto::new_marker())
        : marker(std::move(mark)), command(text), decoder(marker),
          patience(shell.machine_, shortened(text), shell.process_, shell.host_) {}

    bool is_over() const { return decoder.status() || decoder.worker_gone(); }

    std::string take_all_output() {
        if (output.empty())
            return decoder.take_output();
        return std::move(output += decoder.take_output());
    }

    std::string doing() const {
        return fmt::format("while running the command `{}`", shortened(command));
    }

    std::string marker;
    std::string_view command;
    proto::ShellDecoder decoder;
    Patience patience;
    std::string received; // by the last read; the memory is reused
    std::string output;   // taken from the decoder
    OutputSink sink;
    bool may_end_shell = false;
    std::optional<Hurry> hurry;
    // Notified when others want the shell. None: that does not matter.
    std::optional<os::Broadcast::Listener> wanted;
    bool discards = false;       // drop the output
    std::int64_t unanswered = 0; // bytes of output not yet answered by shell_go_on()
    int questions = 0;
    std::size_t frames = 0; // number when the shell last sent something
};

} // namespace ntd::machine
