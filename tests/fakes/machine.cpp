#include "machine.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

#include "picture.h"

namespace fake {

namespace {

constexpr const char* program = "qemu-system-x86_64";

Stage stage_of(const Endpoint& endpoint) {
    switch (endpoint.kind) {
    case Endpoint::Kind::qmp:
        return Stage::qmp;
    case Endpoint::Kind::hmp:
        return Stage::monitor;
    case Endpoint::Kind::chardev:
        return endpoint.id == "shell" ? Stage::shell : Stage::never;
    }
    return Stage::never;
}

std::string why_not_open(const Endpoint& endpoint, int error) {
    if (error == ENAMETOOLONG)
        return "UNIX socket path '" + endpoint.path +
               "' is too long\nPath must be less than 108 bytes";
    const std::string reason = std::strerror(error);
    if (endpoint.server)
        return "Failed to bind socket to " + endpoint.path + ": " + reason;
    return "Failed to connect to '" + endpoint.path + "': " + reason;
}

std::string shutdown_data(Cause cause, const std::string& reason) {
    const char* guest = cause == Cause::guest ? "true" : "false";
    return std::string("{\"guest\": ") + guest + ", \"reason\": \"" + reason + "\"}";
}

} // namespace

std::string state_directory() {
    const char* directory = std::getenv("TMPDIR");
    return directory && *directory ? directory : ".";
}

std::string machine_name(const QemuArguments& arguments) {
    if (!arguments.name.empty())
        return arguments.name;
    const std::string directory = state_directory();
    const size_t found = directory.rfind("vm-state-");
    return found == std::string::npos ? "machine" : directory.substr(found + 9);
}

Machine::Machine(const Options& options, const QemuArguments& arguments)
    : options_(options), arguments_(arguments), name_(machine_name(arguments)),
      console_(options, name_), guest_(state_directory() + "/guest", name_) {}

Machine::~Machine() {
    guest_.kill_all();
}

int Machine::run() {
    open_signals();
    // Daemons of the guest are ours to kill, whatever sessions they made for themselves.
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    if (reaches(Stage::start))
        open_endpoints();
    for (const FaultyChannel& what : options_.faults)
        spoil(what);
    if (!is_ending() && !hung_)
        power_on();
    while (!is_ending())
        wait_and_serve();
    leave();
    return *exit_status_;
}

bool Machine::reaches(Stage stage) {
    if (options_.exit_at == stage && stage != Stage::never)
        fail(options_.exit_status,
             options_.exit_message.empty() ? "fake failure, as told" : options_.exit_message);
    hung_ |= options_.hang_at == stage && stage != Stage::never && stage != Stage::qmp;
    return !is_ending() && !hung_;
}

void Machine::fail(int status, const std::string& message) {
    console_.flush_last();
    std::fprintf(stderr, "%s: %s\n", program, message.c_str());
    exit_status_ = status;
}

void Machine::open_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGCHLD, SIGTERM, SIGINT, SIGHUP})
        sigaddset(&set, signal);
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
    signals_.reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    ::signal(SIGPIPE, SIG_IGN);
}

void Machine::open_endpoints() {
    for (const Endpoint& endpoint : arguments_.endpoints) {
        if (!reaches(stage_of(endpoint)))
            return;
        open_endpoint(endpoint);
        if (is_ending())
            return;
    }
}

void Machine::open_endpoint(const Endpoint& endpoint) {
    UniqueFd socket = endpoint.server ? listen_unix(endpoint.path) : connect_unix(endpoint.path);
    if (!socket) {
        fail(1, endpoint.option + ": " + why_not_open(endpoint, errno));
        return;
    }
    const auto kind = options_.relay ? GuestChannel::Kind::relay : GuestChannel::Kind::direct;
    if (endpoint.kind == Endpoint::Kind::qmp && endpoint.server) {
        qmp_.emplace_back(std::move(socket), endpoint.path, options_);
    } else if (endpoint.kind == Endpoint::Kind::hmp && !endpoint.server) {
        const auto pace =
            options_.hmp_split ? Stream::Pace::one_byte_at_a_time : Stream::Pace::normal;
        hmp_.emplace_back(Stream(std::move(socket), pace), options_.hmp_garbage);
        hmp_.back().stream().flush();
    } else if (endpoint.id == "shell") {
        shell_ =
            GuestChannel(std::move(socket), options_.shell_pty ? GuestChannel::Kind::pty : kind);
    } else if (endpoint.id == "ntd-port" && !options_.no_port) {
        port_ = GuestChannel(std::move(socket), kind);
    } else {
        other_chardevs_.push_back(std::move(socket));
    }
}

void Machine::power_on() {
    guest_.prepare(options_.guest_path);
    if (!control_)
        open_control();
    booting_ = true;
    console_.begin_boot();
}

// Opened once: during a reboot a test must not write to a removed FIFO.
void Machine::open_control() {
    const std::string path = guest_.control_path();
    ::unlink(path.c_str());
    ::mkfifo(path.c_str(), 0600);
    // Open for reading and writing, so that there is no end of file between two requests.
    control_.reset(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
}

void Machine::start_shell() {
    if (!shell_.is_open())
        return;
    // Runs in the guest's process, because the host may make it wait.
    const auto greet = [this] {
        using namespace std::string_view_literals;
        if (options_.shell_garbage)
            shell_.print("\0\xff\x1b[0mterminal noise\r\nSpawning\n"sv);
        for (long i = 0; i < options_.shell_flood; ++i)
            shell_.print(std::string((1 << 20) - 1, '~') + "\n");
        shell_.print("Spawning backdoor root shell...\n");
    };
    if (!guest_.start_shell(shell_.guest_end(), port_.guest_end(), greet))
        fail(1, std::string("fake_vm cannot start bash: ") + std::strerror(errno));
}

// As when systemd restarts backdoor.service: ends everything that the service has started.
void Machine::restart_shell() {
    guest_.kill_all();
    shell_has_ended();
    start_shell();
}

void Machine::shell_has_ended() {
    console_.line("[    9.000000] systemd[1]: backdoor.service: Deactivated successfully.");
    if (has_device("ntd-port-device"))
        send_event("VSERPORT_CHANGE", R"({"id": "ntd-port-device", "open": false})");
}

bool Machine::has_device(const std::string& id) const {
    if (id.rfind("virtio-net-pci.", 0) == 0) { // QEMU's names for network cards without an id
        const auto cards = network_cards();
        return cards.empty() || std::any_of(cards.begin(), cards.end(),
                                            [&](const auto& card) { return card.name == id; });
    }
    return std::any_of(arguments_.all.begin(), arguments_.all.end(), [&](const std::string& text) {
        const auto parts = split(text, ",");
        return std::find(parts.begin(), parts.end(), "id=" + id) != parts.end();
    });
}

// -netdev vde,id=vlan1,sock=/tmp/vde1.ctl -device virtio-net-pci,netdev=vlan1
std::vector<NetworkCard> Machine::network_cards() const {
    const auto& all = arguments_.all;
    const auto peer_of = [&](const std::string& device) {
        const std::string id = device.substr(device.find("netdev=") + 7);
        for (const std::string& netdev : all)
            if (const auto at = netdev.find(",id=" + id); at != std::string::npos)
                return id + ": index=0,type=" + netdev.substr(0, at) +
                       netdev.substr(at + 4 + id.size());
        return id;
    };
    std::vector<NetworkCard> cards;
    for (const std::string& device : all)
        if (device.rfind("virtio-net-pci,netdev=", 0) == 0)
            cards.push_back({"virtio-net-pci." + std::to_string(cards.size()), peer_of(device)});
    return cards;
}

std::string Machine::status() const {
    if (halted_)
        return "shutdown";
    return paused_ ? "paused" : "running";
}

void Machine::pause() {
    if (!is_running())
        return;
    paused_ = true;
    guest_.signal_all(SIGSTOP);
    send_event("STOP");
}

void Machine::resume() {
    if (!paused_)
        return;
    paused_ = false;
    guest_.signal_all(SIGCONT);
    send_event("RESUME");
}

void Machine::quit(const std::string& reason) {
    send_event("SHUTDOWN", shutdown_data(Cause::host, reason));
    exit_status_ = 0;
}

void Machine::power_down() {
    send_event("POWERDOWN");
    halt(Cause::guest, "guest-shutdown"); // the guest obeys its power button
}

void Machine::halt(Cause cause, const std::string& reason) {
    if (halted_)
        return;
    guest_.kill_all();
    booting_ = false;
    console_.line("[  OK  ] Reached target System Power Off.");
    console_.line("[   12.345000] reboot: Power down");
    if (options_.no_vm_exit_on_poweroff) {
        console_.line("[   12.346000] reboot: System halted");
        halted_ = true;
        return;
    }
    send_event("SHUTDOWN", shutdown_data(cause, reason));
    if (arguments_.no_shutdown)
        halted_ = true;
    else
        exit_status_ = 0;
}

void Machine::reset(Cause cause) {
    const std::string reason = cause == Cause::guest ? "guest-reset" : "host-qmp-system-reset";
    guest_.kill_all();
    if (cause == Cause::guest)
        console_.line("[   12.345000] reboot: Restarting system");
    const std::string data = shutdown_data(cause, reason);
    if (arguments_.no_reboot) {
        send_event("SHUTDOWN", data);
        exit_status_ = 0;
        return;
    }
    send_event("RESET", data);
    halted_ = false;
    if (hung_)
        return;
    if (shell_.is_open())
        shell_.discard_input();
    power_on();
}

void Machine::press(const std::string& keys) {
    append_file(options_.keys_file, keys + "\n");
    if (keys == "ctrl-alt-delete" && guest_.has_shell())
        reset(Cause::guest);
}

std::string Machine::dump_screen(const std::string& path, const std::string& format) const {
    const Picture picture = load_picture(options_.screen);
    if (write_file(path, format == "png" ? encode_png(picture) : encode_ppm(picture)))
        return {};
    return "failed to open file '" + path + "': " + std::strerror(errno);
}

void Machine::spoil(const FaultyChannel& what) {
    bool done = true;
    if (what.channel == "shell" || what.channel == "port")
        done = (what.channel == "shell" ? shell_ : port_).spoil(what.fault);
    else if (what.channel == "console")
        console_.spoil(what.fault);
    else if (what.channel == "monitor")
        for (HmpMonitor& monitor : hmp_)
            monitor.stream().spoil(what.fault);
    else if (what.channel == "qmp")
        for (QmpServer& server : qmp_)
            server.spoil(what.fault);
    else
        done = false;
    if (!done)
        fail(1, "this fault takes --relay, or there is no such channel: " + what.channel);
}

void Machine::send_event(const std::string& name, const std::string& json_data) {
    for (QmpServer& server : qmp_)
        server.send_event(name, json_data);
}

} // namespace fake
