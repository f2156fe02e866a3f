// The devices of a virtual machine: monitors, keys, serial console, network cards.

#include <ntd/qemu/qemu_machine.h>

#include <ntd/base/error.h>
#include <ntd/base/text.h>
#include <ntd/os/wait.h>
#include <ntd/proto/keymap.h>

#include <fcntl.h>

namespace ntd::qemu {

namespace {

constexpr machine::Seconds check_interval{1}; // between two checks of polling conditions

// Runs `use` with the QMP client. If the connection fails because QEMU ended, the error says how
// QEMU ended.
template <typename Use>
auto with_qmp(const QemuMachine& machine, const std::string& doing, Use use) {
    const auto current = machine.running();
    try {
        return use(*current->qmp);
    } catch (MachineError& error) {
        current->process.check_ending(doing);
        error.add_context(fmt::format("machine '{}'", machine.name()));
        throw;
    }
}

} // namespace

std::string QemuMachine::send_monitor_command(const std::string& command) {
    if (before_command)
        before_command();
    return running()->hmp->execute(command, machine::deadline_of(host().silence));
}

std::string QemuMachine::wait_for_monitor_prompt() {
    return running()->hmp->wait_for_prompt(machine::deadline_of(host().silence));
}

std::string QemuMachine::send_qmp(const std::string& command, const std::string& arguments) {
    return ask_qmp(command, arguments, machine::deadline_of(host().silence),
                   fmt::format("before it answered the QMP command '{}'", command));
}

std::string QemuMachine::ask_qmp(const std::string& command,
                                 const std::string& arguments,
                                 Deadline deadline,
                                 const std::string& doing) {
    return with_qmp(*this, doing,
                    [&](QmpClient& qmp) { return qmp.send(command, arguments, deadline); });
}

std::optional<std::string> QemuMachine::next_qmp_event(machine::Timeout timeout) {
    const auto deadline = machine::deadline_of(timeout);
    return with_qmp(*this, "while a QMP event was awaited", [&](QmpClient& qmp) {
        for (;;) {
            const auto check = Deadline::after(check_interval);
            auto event = qmp.next_event(sooner(deadline, check));
            if (event || deadline.passed())
                return event;
            if (before_command)
                before_command();
        }
    });
}

void QemuMachine::send_key(const std::string& key, machine::Seconds delay, bool with_log) {
    std::optional<log::Scope> scope;
    if (with_log)
        scope.emplace(host().log, log::ScopeKind::nested, name(),
                      fmt::format("sending key {}", printable(key)));
    const auto key_name = proto::key_name(key);
    // QEMU says "unknown key: 'x'", or "invalid parameter: x" in older releases. This is only a
    // warning, as in the Python driver.
    const auto refused = [](const std::string& answer) {
        return answer.find("unknown key") != answer.npos ||
               answer.find("invalid param") != answer.npos;
    };
    if (!key_name || refused(send_monitor_command("sendkey " + *key_name)))
        host().log.line(name(), log::Level::warning,
                        fmt::format("QEMU has no key '{}'; nothing was pressed", printable(key)));
    const auto exit = exit_fd();
    os::wait_readable({machine::number_of(exit)}, Deadline::after(delay), host().interrupt);
}

void QemuMachine::send_chars(const std::string& characters, machine::Seconds delay) {
    const log::Scope scope(host().log, log::ScopeKind::nested, name(),
                           fmt::format("sending keys {}", python_literal(characters)));
    for (const auto character : utf8_characters(characters))
        send_key(std::string(character), delay, false);
}

void QemuMachine::send_console(const std::string& characters) {
    running()->process.write_console(characters, machine::deadline_of(host().silence));
}

void QemuMachine::tap_console(int fd) {
    UniqueFd own(fd < 0 ? -1 : ::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (fd >= 0 && !own)
        throw_errno("duplicate descriptor {}", fd);
    running()->process.tap_console(std::move(own));
}

// Sends a monitor command that prints nothing on success. Throws if QEMU prints anything.
void QemuMachine::demand(const std::string& command) {
    const auto refusal = proto::hmp_words(send_monitor_command(command));
    if (!refusal.empty())
        throw MachineError("machine '{}': QEMU refused the monitor command '{}': {}", name(),
                           command, printable(refusal));
}

void QemuMachine::forward_port(int host_port, int guest_port) {
    demand(fmt::format("hostfwd_add tcp::{}-:{}", host_port, guest_port));
}

std::vector<proto::VdeCable> QemuMachine::vde_cables() {
    return proto::hmp_vde_cables(
        running()->hmp->execute("info network", machine::deadline_of(host().silence)));
}

void QemuMachine::set_link(const std::string& name, Link link) {
    demand(fmt::format("set_link {} {}", name, link == Link::on ? "on" : "off"));
}

// The card of the first VLAN. Without VLANs, QEMU's name of the second card: the first one belongs
// to the user network.
std::string QemuMachine::first_card() {
    for (const auto& cable : vde_cables())
        if (!cable.card.empty())
            return cable.card;
    return "virtio-net-pci.1";
}

void QemuMachine::block() {
    set_link(first_card(), Link::off);
}

void QemuMachine::unblock() {
    set_link(first_card(), Link::on);
}

} // namespace ntd::qemu
