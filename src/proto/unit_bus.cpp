#include <ntd/proto/unit_bus.h>

#include <ntd/base/random.h>
#include <ntd/base/text.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>

namespace ntd::proto {

namespace {

constexpr std::array<std::string_view, 11> kinds{"service",   "socket", "target", "device",
                                                 "mount",     "swap",   "timer",  "path",
                                                 "automount", "slice",  "scope"};

constexpr std::size_t longest_name = 255; // that systemd accepts

// The limit of signals about one unit per look. With more, waiting for signals costs too much.
constexpr int most_signals = 100;

// D-Bus authentication as root (uid "0" in hex is 30); systemd reads the uid from the socket
// anyway.
constexpr std::string_view introduction = R"(\0AUTH EXTERNAL 30\r\nBEGIN\r\n)";

bool is_alphanumeric(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 && (c & 0x80) == 0;
}

// A little-endian D-Bus message, with D-Bus's alignment.
class Message {
public:
    explicit Message(std::string begin = {}) : bytes_(std::move(begin)) {}

    void align(std::size_t to) { bytes_.resize((bytes_.size() + to - 1) / to * to); }

    void number(std::size_t value) {
        align(4);
        for (int shift = 0; shift < 32; shift += 8)
            bytes_ += static_cast<char>(value >> shift & 0xff);
    }

    void text(std::string_view value) {
        number(value.size());
        bytes_.append(value).push_back('\0');
    }

    void field(char code, char type, std::string_view value) {
        align(8);
        bytes_.append({code, 1, type, 0});
        if (type != 'g')
            return text(value);
        bytes_ += static_cast<char>(value.size());
        bytes_.append(value).push_back('\0');
    }

    const std::string& bytes() const { return bytes_; }

private:
    std::string bytes_;
};

// Escapes bytes for the format of bash's printf.
std::string escaped(std::string_view bytes) {
    std::string result;
    for (const char c : bytes)
        if (is_alphanumeric(c) || c == '/' || c == '.')
            result += c;
        else
            result += fmt::format("\\{:03o}", static_cast<unsigned char>(c));
    return result;
}

} // namespace

std::optional<std::string> unit_id(std::string_view unit) {
    const auto is_plain = [](char c) {
        return is_alphanumeric(c) || std::string_view(":_.@-\\").find(c) != std::string_view::npos;
    };
    if (unit.empty() || !std::all_of(unit.begin(), unit.end(), is_plain))
        return std::nullopt;
    const auto kind = unit.substr(unit.rfind('.') + 1);
    std::string id(unit);
    if (kind.size() == unit.size() || std::find(kinds.begin(), kinds.end(), kind) == kinds.end())
        id += ".service";
    return id.size() <= longest_name ? std::optional(id) : std::nullopt;
}

std::string unit_path(std::string_view id) {
    std::string result;
    for (const char c : id)
        if (is_alphanumeric(c) && (!result.empty() || c < '0' || c > '9'))
            result += c;
        else
            result += fmt::format("_{:02x}", static_cast<unsigned char>(c));
    return result;
}

std::string unit_state_call(std::string_view id, std::string_view serial) {
    Message body;
    body.text("org.freedesktop.systemd1.Unit");
    body.text("ActiveState");
    Message fields;
    fields.field(1, 'o', "/org/freedesktop/systemd1/unit/" + unit_path(id));
    fields.field(2, 's', "org.freedesktop.DBus.Properties");
    fields.field(3, 's', "Get");
    fields.field(8, 'g', "ss");
    Message whole({'l', 1, 0, 1}); // little-endian, a method call, no flags, version 1
    whole.number(body.bytes().size());
    Message header(whole.bytes() + std::string(serial));
    header.number(fields.bytes().size());
    Message message(header.bytes() + fields.bytes());
    message.align(8);
    return message.bytes() + body.bytes();
}

std::string new_serial() {
    constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEF"; // a power of two
    const auto bytes = random_bytes<2>();
    return {'n', 'T', letters[bytes[0] % letters.size()], letters[bytes[1] % letters.size()]};
}

// The guest of our tests is a process, and sets NTD_SYSTEMD_BUS to the socket of its systemd.
std::string unit_bus(const std::optional<std::string>& user) {
    if (!user)
        return "\"${NTD_SYSTEMD_BUS-/run/systemd/private}\"";
    return fmt::format("\"/run/user/$(id -u {})/systemd/private\"", shell_quote(*user));
}

// Strings that grep passes (each ends with NUL): the reply's serial number, a state or an error;
// and of a signal the unit's name and PropertiesChanged. It leaves out signals that systemd sends
// when it loads or unloads a unit, because a look itself causes them.
//
// The listener runs in a subshell of the worker and closes the worker's descriptors. The first call
// must not be sent together with the authentication: systemd would not see it. The FIFOs are held
// open, so that no data is lost while no look has them open. The listener ends by itself, or when a
// look has found the wanted state.
std::string listen_to_unit(std::string_view place, std::string_view bus, std::string_view id) {
    constexpr std::string_view command = R"sh(umask 077; d={0} b={1}
[ -S "$b" ] && type nc grep >/dev/null && mkfifo $d.in $d.out $d.end || exit
exec 3<>$d.end 5<>$d.in 6<>$d.out 4< <(exec nc -U "$b" <&5 2>/dev/null 3<&- 5<&- 6<&-); n=$!
printf '{3}' >&5; read -r -n 99 -t 3 l <&4 && [[ $l = OK* ]] || {{ kill $n; rm -f $d.in $d.out $d.end; exit 1; }}
{{ LC_ALL=C grep -z -a -o --line-buffered -E \
'^nT..|^(active|reloading|inactive|failed|activating|deactivating|maintenance|refreshing)$|/unit/{2}$|^PropertiesChanged$|Error\.[A-Za-z]*$' \
<&4 >&6 3<&- 4<&- 5<&- 6<&- & g=$!; exec 4<&-
read -r -t {4} _ <&3 || :; kill $n $g || :; rm -f $d.in $d.out $d.end
}} </dev/null >/dev/null 2>&1 &)sh";
    return fmt::format(command, place, bus, unit_path(id), introduction, seconds_of_listener);
}

// A reply arrives in one piece, so no data about other units comes between its parts.
std::string look_at_unit(const UnitLook& look, std::string_view serial) {
    constexpr std::string_view command =
        R"sh(d={0} n=0 m= f= s= u= x=0 e=$((SECONDS+{5:.0f})); [ -p $d.out ] || exit {6}
q() {{ printf '{1}' 1<>$d.in; }}; q
while read -r -d '' -t {5:.3f} l; do case $l in
{2}) m=1 u= ;; nT*) m= u= ;; */unit/*) u=1 ;; Error*) [ ! "$m" ] || exit {6} ;; hurry) x={8}; break ;;
PropertiesChanged) [ ! "$u" ] || {{ u=; [ $((++n)) -lt {9} ] || exit {7}; q; }} ;;
*) [ "$m" ] || continue; m= s=$l f=${{f:-$l}}; [ "$s" = {3} ] || break ;;
esac; [ $SECONDS -le $e ] || break; done <>$d.out
[ "$s" != {4} ] || echo 1<>$d.end; echo "$f $s"; exit $x)sh";
    const auto call = escaped(unit_state_call(look.id, serial));
    return fmt::format(command, look.place, call, serial, shell_quote(look.known),
                       shell_quote(look.wanted), look.seconds, static_cast<int>(no_listener),
                       static_cast<int>(too_many_signals), static_cast<int>(was_hurried),
                       most_signals);
}

std::string hurry_look(std::string_view place) {
    return fmt::format("[ ! -p {0}.out ] || printf 'hurry\\0' 1<>{0}.out\n", place);
}

} // namespace ntd::proto
