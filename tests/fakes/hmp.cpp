#include "hmp.h"

#include <iterator>
#include <map>
#include <set>
#include <vector>

#include "machine.h"
#include "options.h"

namespace fake {

namespace {

using Words = std::vector<std::string>;
using Answer = std::string (*)(Machine&, const Words&);

constexpr const char* prompt = "(qemu) ";
constexpr const char* junk = "\xff\xfe\x1b[2J(qem\r\n\x07(qemu)\x1b[0m\r\n";
constexpr size_t longest_line = 4095;

std::string missing(const Words& words, const char* parameter) {
    return words[0] + ": " + parameter + " expected\r\nTry \"help " + words[0] +
           "\" for more information\r\n";
}

// Key names QEMU knows beyond single letters and digits.
bool is_key(const std::string& name) {
    static const std::set<std::string> names = {
        "shift",       "shift_r",      "alt",       "alt_r",
        "ctrl",        "ctrl_r",       "meta_l",    "meta_r",
        "menu",        "esc",          "minus",     "equal",
        "ret",         "tab",          "backspace", "spc",
        "semicolon",   "apostrophe",   "comma",     "dot",
        "slash",       "grave_accent", "backslash", "bracket_left",
        "asterisk",    "caps_lock",    "num_lock",  "bracket_right",
        "scroll_lock", "print",        "home",      "pgup",
        "pgdn",        "end",          "left",      "up",
        "down",        "right",        "insert",    "delete",
        "less",        "kp_enter",     "sysrq",     "pause",
        "f1",          "f2",           "f3",        "f4",
        "f5",          "f6",           "f7",        "f8",
        "f9",          "f10",          "f11",       "f12"};
    const bool single = name.size() == 1 && std::isalnum(static_cast<unsigned char>(name[0]));
    return single || name.rfind("0x", 0) == 0 || names.count(name) != 0;
}

std::string send_key(Machine& machine, const Words& words) {
    if (words.size() < 2)
        return missing(words, "string");
    if (words[1].back() == '-')
        return "invalid parameter: \r\n";
    for (const std::string& key : split(words[1], "-"))
        if (!is_key(key))
            return "invalid parameter: " + key + "\r\n";
    machine.press(words[1]);
    return {};
}

std::string screendump(Machine& machine, const Words& words) {
    if (words.size() < 2)
        return missing(words, "filename");
    std::string format = "ppm";
    std::string path;
    for (size_t i = 1; i < words.size(); ++i) {
        if (words[i] == "-f" && i + 1 < words.size())
            format = words[++i];
        else if (path.empty())
            path = words[i];
    }
    const std::string error = machine.dump_screen(path, format);
    return error.empty() ? "" : "Error: " + error + "\r\n";
}

std::string set_link(Machine& machine, const Words& words) {
    if (words.size() < 2)
        return missing(words, "string");
    if (words.size() < 3)
        return "Expected 'on' or 'off'\r\nTry \"help set_link\" for more information\r\n";
    return machine.has_device(words[1]) ? "" : "Error: Device '" + words[1] + "' not found\r\n";
}

// The argument is "tcp::8080-:80"; for a removal "tcp::8080".
std::string forward_port(Machine& machine, const Words& words) {
    if (words.size() < 2)
        return missing(words, "string");
    const std::string& rule = words.back();
    const bool removes = words[0] == "hostfwd_remove";
    const auto parts = split(rule, ":-");
    if (parts.size() < (removes ? 2 : 3))
        return "Invalid host forwarding rule '" + rule + "' (Missing separators)\r\n";
    const int port = std::atoi(parts[1].c_str());
    if (port < 1 || port > 65535)
        return "Invalid host forwarding rule '" + rule + "' (Bad host port)\r\n";
    if (removes)
        return "host forwarding rule for " + rule +
               (machine.forwarded().erase(port) ? " removed\r\n" : " not found\r\n");
    return machine.forwarded().insert(port).second
               ? ""
               : "Could not set up host forwarding rule '" + rule + "'\r\n";
}

std::string network(const Machine& machine) {
    auto cards = machine.network_cards();
    if (cards.empty())
        cards = {{"virtio-net-pci.0", "user.0: index=0,type=user,net=10.0.2.0,restrict=off"}};
    std::string text;
    for (const NetworkCard& card : cards)
        text += card.name +
                ": index=0,type=nic,model=virtio-net-pci,macaddr=52:54:00:12:34:56\r\n \\ " +
                card.peer + "\r\n";
    return text;
}

std::string info(Machine& machine, const Words& words) {
    const std::string topic = words.size() < 2 ? "" : words[1];
    if (topic == "status")
        return machine.is_running() ? "VM status: running\r\n" : "VM status: paused\r\n";
    if (topic == "kvm")
        return machine.has_kvm() ? "kvm support: enabled\r\n" : "kvm support: disabled\r\n";
    if (topic == "version")
        return "7.2.0 (fake_vm)\r\n";
    if (topic == "name")
        return machine.name() + "\r\n";
    if (topic == "network")
        return network(machine);
    if (topic == "mice")
        return "* Mouse #3: QEMU HID Tablet (absolute)\r\n";
    if (topic.empty() || topic == "block" || topic == "chardev" || topic == "usernet" ||
        topic == "cpus" || topic == "snapshots")
        return {};
    return "unknown command: 'info " + topic + "'\r\n";
}

constexpr const char* listed_only =
    "announce_self balloon block_job_cancel boot_set change chardev-add "
    "client_migrate_info closefd commit cpu device_add device_del drive_add drive_backup "
    "dump-guest-memory eject expire_password gdbserver getfd gpa2hva i log logfile loadvm "
    "mce memsave migrate netdev_add netdev_del nmi o object_add object_del pmemsave "
    "qemu-io qom-get qom-list qom-set replay_break ringbuf_read ringbuf_write savevm "
    "snapshot_blkdev sum sync-profile system_wakeup trace-event watchdog_action "
    "wavcapture x xp x_colo_lost_heartbeat calc_dirty_rate";

// QEMU's help is about 15 kB. What matters is that one small read does not return all of it.
std::string help(Machine&, const Words&) {
    std::string text;
    for (const std::string& topic : split(listed_only, " "))
        text += topic +
                " [arguments] -- listed here to make the answer as long as QEMU's is; this "
                "stand-in does not implement it. Its own commands are in README.md, among them "
                "sendkey, screendump, set_link, hostfwd_add, info and quit\r\n";
    return text;
}

// "print /d NUMBER"
std::string print_number(Machine&, const Words& words) {
    return words.size() < 2 ? missing(words, "int") : words.back() + "\r\n";
}

std::string no_answer(Machine&, const Words&) {
    return {};
}

const std::map<std::string, Answer> commands = {
    {"help", help},
    {"?", help},
    {"info", info},
    {"sendkey", send_key},
    {"screendump", screendump},
    {"set_link", set_link},
    {"hostfwd_add", forward_port},
    {"hostfwd_remove", forward_port},
    {"mouse_move", no_answer},
    {"mouse_button", no_answer},
    {"mouse_set", no_answer},
    {"print", print_number},
    {"stop", [](Machine& m, const Words&) { return m.pause(), std::string(); }},
    {"s", [](Machine& m, const Words&) { return m.pause(), std::string(); }},
    {"cont", [](Machine& m, const Words&) { return m.resume(), std::string(); }},
    {"c", [](Machine& m, const Words&) { return m.resume(), std::string(); }},
    {"quit", [](Machine& m, const Words&) { return m.quit("host-qmp-quit"), std::string(); }},
    {"q", [](Machine& m, const Words&) { return m.quit("host-qmp-quit"), std::string(); }},
    {"system_powerdown", [](Machine& m, const Words&) { return m.power_down(), std::string(); }},
    {"system_reset", [](Machine& m, const Words&) { return m.reset(Cause::host), std::string(); }},
};

} // namespace

std::string run_hmp_command(Machine& machine, const std::string& line) {
    const Words words = split(line, " \t");
    if (words.empty())
        return {};
    const auto found = commands.find(words[0]);
    if (found == commands.end())
        return "unknown command: '" + words[0] + "'\r\n";
    return found->second(machine, words);
}

HmpMonitor::HmpMonitor(Stream stream, bool garbage)
    : stream_(std::move(stream)), garbage_(garbage) {
    if (garbage_)
        stream_.send(junk);
    stream_.send("QEMU 7.2.0 monitor - type 'help' for more information\r\n");
    stream_.send(prompt);
}

void HmpMonitor::receive(Machine& machine) {
    for (const char byte : stream_.receive())
        type(machine, byte);
}

void HmpMonitor::type(Machine& machine, char byte) {
    const size_t cursor_was = line_.size();
    if (byte == '\n' || byte == '\r') {
        stream_.send("\r\n");
        const std::string line = std::exchange(line_, {});
        stream_.send(run_hmp_command(machine, line));
        if (garbage_)
            stream_.send(junk);
        if (!machine.is_ending())
            stream_.send(prompt);
    } else if (byte == '\b' || byte == '\x7f') {
        if (line_.empty())
            return;
        line_.pop_back();
        redraw(cursor_was);
    } else if (static_cast<unsigned char>(byte) >= ' ' && line_.size() < longest_line) {
        line_ += byte;
        redraw(cursor_was);
    }
}

void HmpMonitor::redraw(size_t cursor_was) {
    for (size_t i = 0; i < cursor_was; ++i)
        stream_.send("\x1b[D");
    stream_.send(line_);
    stream_.send("\x1b[K");
}

} // namespace fake
