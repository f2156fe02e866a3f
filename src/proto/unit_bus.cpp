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

constexpr std::size_t longest_name = 255; // that systemd takes

// More signals of one unit than this in a second do not say when to look.
constexpr int most_signals = 100;

// Of a listener, before it has said who it is: that it is root, whom systemd sees anyway.
constexpr std::string_view introduction = R"(\0AUTH EXTERNAL 30\r\nBEGIN\r\n)";

bool is_alphanumeric(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 && (c & 0x80) == 0;
}

// Little-endian, aligned as D-Bus has it.
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

// As the format of bash's printf.
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
    Message whole({'l', 1, 0, 1}); // a call, which wants an answer, of version 1
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

// A test's guest, which is a process among others, says itself where its systemd is.
std::string unit_bus(const std::optional<std::string>& user) {
    if (!user)
        return "\"${NTD_SYSTEMD_BUS-/run/systemd/private}\"";
    return fmt::format("\"/run/user/$(id -u {})/systemd/private\"", shell_quote(*user));
}

// The parts of grep's lines, which end with NUL: the serial number of an answer, a state in it, or
// an error; the unit's name in a signal, and what signal it is. Of signals that systemd sends when
// it loads a unit, or forgets it, a look is the cause.
//
// All is in a fork of the worker, and gives up what that has open. A call must not come along with
// the introduction: systemd does not see it then. The FIFOs are held open, so that nothing is lost
// while nobody else has them open. Nobody is told to end the listener: it does so by itself, or
// when a look has seen what it looked for.
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

// An answer comes in one piece: what is told of other units does not get in between.
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
