#include <ntd/nspawn/nspawn_notices.h>
#include <ntd/trace/trace.h>

#include "nspawn_process.h"

#include <filesystem>
#include <utility>

namespace ntd::nspawn {

NspawnNotices::NspawnNotices(std::unique_ptr<os::UnixDatagrams> socket,
                             pid_t start_script,
                             machine::ConsoleLog& console,
                             const machine::Host& host)
    : socket_(std::move(socket)), start_script_(start_script), console_(console), host_(host),
      leftover_(host.guard.add_unfinished(std::filesystem::path(socket_->path()))) {
    watch_ = host_.loop.watch(fd().get(), [this] {
        read();
        return true;
    });
}

NspawnNotices::~NspawnNotices() {
    end();
}

void NspawnNotices::end() noexcept {
    if (ended_.exchange(true))
        return;
    socket_->remove();
    host_.guard.forget_unfinished(leftover_);
}

std::optional<pid_t> NspawnNotices::nspawn() const {
    return state_.with([](const State& state) { return state.nspawn; });
}

bool NspawnNotices::is_ready() const {
    return state_.with([](const State& state) { return state.is_ready; });
}

void NspawnNotices::read() {
    const auto datagram = socket_->receive();
    if (!datagram)
        return;
    trace::received("NOTIFY_SOCKET", datagram->text);
    take(*datagram);
}

void NspawnNotices::take(const os::Datagram& datagram) {
    const auto notice = notice_of(datagram.text);
    if ((!notice.leader && !notice.is_ready) || !is_part_of(datagram.sender, start_script_))
        return;
    const auto nspawn = notice.leader ? nspawn_of(*notice.leader, start_script_) : std::nullopt;
    trace::debug(trace::Category::nspawn, "notice of process {}: leader {}, {}", datagram.sender,
                 notice.leader.value_or(0), notice.is_ready ? "ready" : "not ready");
    state_.with([&](State& state) {
        if (nspawn && !state.nspawn)
            state = {nspawn, os::OtherProcess(*notice.leader), state.is_ready};
        else if (nspawn && state.init.has_ended()) // the start script has run systemd-nspawn again
            state = {nspawn, os::OtherProcess(*notice.leader), false};
        state.is_ready = state.is_ready || notice.is_ready;
    });
    console_.changed().notify();
}

} // namespace ntd::nspawn
