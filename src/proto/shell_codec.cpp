#include <ntd/proto/shell_codec.h>

#include <ntd/base/random.h>
#include <ntd/base/text.h>

#include <fmt/ranges.h>

namespace ntd::proto {

namespace {

// Longer commands do not go on a line: bash reads lines byte by byte, and one argument of exec is
// limited to 128 KiB (MAX_ARG_STRLEN).
constexpr std::size_t longest_on_a_line = std::size_t{64} * 1024;

// What a spare bash does: it waits for a command, and is to it what `bash -c` would be. What may
// have changed since it was started is read again. The NUL tells a whole command from a part of
// one; the line end before it ends an unfinished character, of which the NUL would become a part.
constexpr std::string_view spare_script =
    R"sh(IFS= read -r -d "" -u 9 BASH_EXECUTION_STRING || exit; exec 9<&-; )sh"
    R"sh(BASH_EXECUTION_STRING=${BASH_EXECUTION_STRING%[[:space:]]}; )sh"
    R"sh([[ ${HOSTNAME@a} = *x* ]] || read -r HOSTNAME </proc/sys/kernel/hostname; )sh"
    R"sh(SECONDS=0; eval "$BASH_EXECUTION_STRING")sh";

// The worker's functions: ntd_run MARKER COMMAND, and ntd_direct MARKER COMMAND for one of ours,
// which leaves no process behind and so can write to the channel itself; ntd_simple is for those
// that are one simple command, and need no bash of their own. Descriptor 7 is the guest's console:
// the command's standard input, and not passed on otherwise. 3 is the console for its standard
// error: of a bash that a signal ends, the worker would tell there in words of its own.
//
// 8 leads to the reader of the output, which is started before there is a command: nobody has to
// wait for its start. It ignores SIGTERM, which is for commands: it must not cut output off, nor
// hit the reader of the next command if this one ended by itself just before.
//
// Most of what a short command costs is the start of bash. So a spare one is started ahead, too,
// and waits at the other end of the pipe behind descriptor 4 for the command. One that is gone has
// not got it: then, and where there is none, a fresh bash runs the command. There is no spare where
// BASH_ENV has a say in what a new bash is. If the spare has ended, and the command is left in the
// pipe, it was not begun: a fresh bash runs it, unless it was given up (SIGTERM), and the next
// spare gets a new pipe. The first way to make one costs no process; old bashes have no pipe there.
// The spare is a background job: bash 5.2 loses the status of a second process substitution.
constexpr std::string_view worker_functions = R"sh(
exec 3>&2 2>/dev/null; ntd_pipe= ntd_script=
[ "$BASH_ENV" ] || ntd_script='@SPARE@'
ntd_end() { printf "%s %s\n" "$@"; }
ntd_reader() {
    trap "" TERM; exec 8> >(exec cat 3>&- 4>&- 7<&- 8>&-); ntd_reader=$!; trap - TERM
}
ntd_open() {
    exec 4<<<1; [ -p /proc/self/fd/4 ] && read -r -u 4 ntd_pipe || { exec 4<> <(:); ntd_pipe=1; }
    exec 4>/proc/self/fd/4
}
ntd_spare() {
    ntd_spare=; [ "$ntd_script" ] || return
    [ "$ntd_pipe" ] || ntd_open
    exec 9</proc/self/fd/4
    (trap - INT QUIT; exec bash -c "$ntd_script" <&7 >&8 2>&3 3>&- 4>&- 7<&- 8>&-) &
    ntd_spare=$!; exec 9<&-
}
ntd_give() {
    [ "$ntd_spare" ] || return
    trap "" PIPE; printf "set -euo pipefail; %s\n\0" "$1" >&4; set -- $?; trap - PIPE; return "$1"
}
ntd_is_left() { exec 9</proc/self/fd/4; read -t 0 -u 9; set -- $?; exec 9<&-; return "$1"; }
ntd_fresh() { bash -c "set -euo pipefail; $1" <&7 2>&3 3>&- 4>&- 7<&- 8>&-; }
ntd_simple() { (set -euo pipefail; eval "$2") <&7 2>&3 3>&- 4>&- 7<&- 8>&-; ntd_end "$1" $?; }
ntd_direct() { ntd_fresh "$2"; ntd_end "$1" $?; }
ntd_run() {
    ntd_status=
    if ntd_give "$2"; then
        wait "$ntd_spare"; ntd_status=$?
        if [ $ntd_status -ge 126 ] && ntd_is_left; then
            ntd_pipe=; [ $ntd_status = 143 ] || ntd_status=
        fi
    fi
    [ "$ntd_status" ] || { ntd_fresh "$2" >&8; ntd_status=$?; }
    exec 8>&-; wait "$ntd_reader"; ntd_end "$1" $ntd_status; ntd_reader; ntd_spare
}
)sh";

// The control shell's functions. Descriptor 5 is where bulk input comes from, 6 is for output and
// frames. The port is opened once: what had come in is thrown away when it is closed. It is used
// only if what we send to it arrives.
//
// SIGPIPE is ignored only while no process is started that would inherit it: a worker that is gone
// must not take the control shell along. SIGINT and SIGQUIT are what bash 5.3 has a process
// substitution ignore, and all that it starts would inherit that. A signal goes to parents first: a
// shell must not see its child end before it gets the signal itself. A restart also ends the cat of
// a worker that had gone before, and waits until none can write any more: what it copies is not the
// next command's output.
//
// ntd_to MARKER LINE gives the worker a line. One that is gone has not got it: there is a new one
// then, which does, and the next command that has a marker hears of that.
//
// A process that holds the output open is one with the other end of the pipe that the worker's cat
// reads. The command may have become a cat, too, but not one that writes to the channel. One `ls`
// finds the holders: a process for each link would take a slow guest minutes.
//
// ntd_store MARKER BYTES FILE appends bulk input to a file, or says in ntd_why why it cannot. dd
// with large blocks is twice as fast as head, which takes 8 KiB at a time, but old ones cannot
// count bytes. What cannot be stored is passed over, up to the marker that comes behind it; any
// other line there means that we have given up, and what came is not what was meant.
//
// ntd_stop gives what runs two seconds to end. That is over when the cat of a command is gone, or,
// where a spare still waits for one, what the worker has started besides; if that is nothing, at
// once.
// It waits by reading from a pipe in which nothing comes: the guest's sleep may be what hangs.
constexpr std::string_view control_functions = R"sh(
ntd_begin() {
    { exec 7</dev/console; } 2>/dev/null || exec 7</dev/null
    exec 5<&0 6>&1; ntd_port=0 ntd_dd= ntd_anew=
    if [ "$NTD_DATA_FD" ]; then
        exec 5<&"$NTD_DATA_FD" 6>&5 {NTD_DATA_FD}<&-; unset NTD_DATA_FD; ntd_port=1
    else for ntd_d in /sys/class/virtio-ports/*; do
        read -r ntd_n <"$ntd_d/name" || continue
        ntd_d=/dev/${ntd_d##*/}
        [ "$ntd_n" = @PORT@ ] && exec 5<>"$ntd_d" && exec 6>&5 && ntd_port=1
    done 2>/dev/null; fi
}
ntd_sync() {
    [ $ntd_port = 0 ] || until [[ $ntd_n = *"$1" ]]; do
        read -t 10 -r -u 5 ntd_n || { exec 5<&0 6>&1; ntd_port=0; return; }
    done
}
ntd_say() { printf '%s %s\n' "$@" >&6; }
ntd_store() {
    if [ ! "$ntd_dd" ]; then
        ntd_dd=no; dd count=0 iflag=fullblock,count_bytes status=none 2>/dev/null && ntd_dd=yes
    fi </dev/null
    ntd_why=$(umask 077; exec 2>&1 >>"$3" || exit
        [ $ntd_dd = no ] || exec dd bs=64K count="$2" iflag=fullblock,count_bytes status=none <&5
        exec head -c "$2" <&5) && {
        read -r -u 5 ntd_n; ntd_why='given up'; [ "$ntd_n" = "$1" ]; return; }
    grep -a -q "$1" <&5 || ntd_sync "$1"; return 1
}
ntd_worker() {
    trap - PIPE; exec 9> >(trap - INT QUIT; exec bash --norc >&6 5<&- 6>&-); ntd_pid=$!; trap '' PIPE
    printf %s @WORKER@ >&9
}
ntd_to() {
    [[ ! $ntd_anew || ! $1 ]] || { ntd_say "$1" anew; ntd_anew=; }
    { printf '%s\n' "$2" >&9; } 2>/dev/null && return
    if [ ! "$3" ]; then ntd_renew; ntd_anew=x; ntd_to "$1" "$2" again
    elif [ "$1" ]; then ntd_say "$1" gone; fi
}
ntd_children() { cat /proc/"$1"/task/*/children 2>/dev/null; }
ntd_tree() { local p; for p in $(ntd_children "$1"); do printf '%s\n' "$p"; ntd_tree "$p"; done; }
ntd_name() { cat "/proc/$1/comm" 2>/dev/null; }
ntd_cat() {
    local p
    for p in $(ntd_children "$ntd_pid"); do
        [[ $(ntd_name "$p") = cat && /proc/$p/fd/1 -ef /proc/$$/fd/6 ]] && printf %s "$p"
    done
}
ntd_renew() {
    local p left=x tries=0
    for p in "$ntd_pid" $(ntd_tree "$ntd_pid"); do kill -s KILL "$p" 2>/dev/null; done
    while [[ $left && $((tries++)) -lt 200 ]]; do
        left=
        for p in /proc/[0-9]*; do
            [[ ${p#/proc/} != $$ && $p/fd/1 -ef /proc/$$/fd/6 ]] && kill -s KILL "${p#/proc/}" && left=x
        done
    done 2>/dev/null
    exec 9>&-; wait "$ntd_pid" 2>/dev/null; ntd_worker
}
ntd_restart() { ntd_renew; ntd_say "$1" 0; }
ntd_stop() {
    local m=$1 p w end=$((SECONDS + 3))
    set -- $(ntd_children "$ntd_pid")
    w=$1; [ ! -e "/proc/$2/fd/9" ] || w=$3; [ $# != 1 ] || w=
    for p in $(ntd_tree "$ntd_pid"); do kill -s TERM "$p" 2>/dev/null; done
    until [[ ! $w || " $(ntd_children "$ntd_pid")" != *" $w "* || $SECONDS -ge $end ]]
    do read -r -t .1 <> <(:); done 2>/dev/null
    ntd_restart "$m"
}
ntd_ping() { if kill -0 "$ntd_pid" 2>/dev/null; then ntd_say "$1" runs; else ntd_say "$1" gone; fi; }
ntd_probe() { ntd_held "$1"; ntd_ping "$1"; }
ntd_held() {
    local c p pipe link links held=
    c=$(ntd_cat)
    [[ -n $c && $(ntd_children "$ntd_pid") = "$c " ]] || return
    pipe=$(readlink "/proc/$c/fd/0") || return
    links=$(ls -l /proc/[0-9]*/fd/* 2>/dev/null)
    local IFS=$'\n'; set -f
    for link in $links; do
        [[ $link = *" -> $pipe" ]] || continue
        p=${link##* /proc/}; p=${p%%/*}
        [[ $p = "$c" || $p = "$ntd_pid" ]] || held="$held, $p $(ntd_name "$p")"
    done
    set +f
    ntd_say "$1" "held ${held#, }"
}
)sh";

// Each byte passes through the guest's serial port.
std::string unindented(std::string_view text) {
    std::string result;
    for (const char c : text)
        if (c != ' ' || (!result.empty() && result.back() != '\n'))
            result += c;
    return result;
}

// A shell reads its script byte by byte, with a system call for each, but what it is told the
// length of in pieces. For definitions only: bash 5.2 crashes where eval duplicates the descriptor
// that the script comes from.
std::string at_once(std::string_view script) {
    return fmt::format("IFS= read -rN {} ntd_t; eval \"$ntd_t\"; unset ntd_t\n{}", script.size(),
                       script);
}

std::string replaced(std::string_view text, std::string_view what, std::string_view by) {
    std::string result(text);
    result.replace(result.find(what), what.size(), by);
    return result;
}

// The name is not the marker: the arguments of the command's bash have it, and a process list in
// the output must not look like a frame.
std::string upload_file(std::string_view marker) {
    return fmt::format("/tmp/.{}", marker.substr(marker.find('-') + 1));
}

std::string store_line(std::string_view marker, std::string_view bytes, std::string_view file) {
    return fmt::format("ntd_store {} {} {}", marker, bytes.size(), shell_quote(file));
}

// A shell that does not know our functions says so.
std::string question(std::string_view function, std::string_view marker) {
    return fmt::format("if [ \"$ntd_port\" ]; then {} {}; else printf '%s new\\n' {}; fi\n",
                       function, marker, marker);
}

std::string
to_worker(std::string_view marker, std::string_view function, std::string_view command) {
    const auto call = fmt::format("{} {} {}", function, marker, shell_quote(command));
    return fmt::format("ntd_to {} {}\n", marker, shell_quote(call));
}

// Stores what is too long for a line in the upload file, and runs a short command.
ShellText upload(std::string_view marker, std::string_view bytes, std::string_view command) {
    const auto file = upload_file(marker);
    return {fmt::format("{} || {{ printf '%s\\n' \"$ntd_why\" >&2; rm -f {}; }}; {}",
                        store_line(marker, bytes, file), file,
                        to_worker(marker, "ntd_run", command)),
            bytes, fmt::format("{}\n", marker)};
}

} // namespace

bool shell_is_new(std::string_view text) {
    return text.find(shell_greeting) != text.npos ||
           (text.find("ntd-") != text.npos && text.find(" new\n") != text.npos);
}

std::string new_marker() {
    return fmt::format("ntd-{:02x}", fmt::join(random_bytes<16>(), ""));
}

std::string shell_setup(std::string_view marker, ShellPort port) {
    const auto worker =
        at_once(replaced(unindented(worker_functions).substr(1), "@SPARE@", spare_script)) +
        "ntd_reader; ntd_spare\n";
    const auto functions =
        replaced(replaced(unindented(control_functions), "@WORKER@", shell_quote(worker)), "@PORT@",
                 port == ShellPort::perhaps ? port_name : "/"); // no port has that name
    return fmt::format("{0}ntd_begin; ntd_sync {1}; ntd_worker; printf '%s %s\\n' {1} $ntd_port\n",
                       at_once(functions.substr(1)), marker);
}

std::string shell_sync(std::string_view marker) {
    return fmt::format("{}\n", marker);
}

ShellText shell_run(std::string_view marker, std::string_view command) {
    if (command.size() > longest_on_a_line)
        return upload(
            marker, command,
            fmt::format("eval \"$(cat {0} || echo exit 1; rm -f {0})\"", upload_file(marker)));
    return {to_worker(marker, "ntd_run", command), {}, {}};
}

ShellText shell_run_direct(std::string_view marker, std::string_view command) {
    return {to_worker(marker, "ntd_direct", command), {}, {}};
}

ShellText shell_run_simple(std::string_view marker, std::string_view command) {
    return {to_worker(marker, "ntd_simple", command), {}, {}};
}

ShellText shell_store(std::string_view marker, std::string_view file, std::string_view bytes) {
    return {fmt::format("if {0}; then ntd_say {1} 0; else printf '%s\\n' \"$ntd_why\" >&6; "
                        "ntd_say {1} 1; fi\n",
                        store_line(marker, bytes, file), marker),
            bytes, fmt::format("{}\n", marker)};
}

ShellText
shell_run_with_input(std::string_view marker, std::string_view command, std::string_view input) {
    const auto open =
        fmt::format("[ -f {0} ] || {{ echo 'the guest cannot store {1} bytes in /tmp'; "
                    "exit 1; }}; exec <{0}; rm -f {0}; ",
                    upload_file(marker), input.size());
    return upload(marker, input, open + std::string(command));
}

// The pieces pass through a file, as the last one has to be told from the end. The first token of
// the FIFO is its maker's.
ShellText shell_run_paced(std::string_view marker, std::string_view command) {
    constexpr std::string_view paced =
        R"sh(ntd_f={0}; trap 'rm -f $ntd_f $ntd_f.p' EXIT; mkfifo -m 600 $ntd_f; exec 8<>$ntd_f
echo >&8; {{ {1}
}} 8>&- | while head -c {2} >$ntd_f.p || exit 1; [ -s $ntd_f.p ]; do
    read -r _ <&8; cat $ntd_f.p
done)sh";
    return shell_run(marker, fmt::format(paced, upload_file(marker), command, pace));
}

// Opened for reading as well, a FIFO does not block; a command that has ended has none any more.
std::string shell_go_on(std::string_view marker) {
    return fmt::format("[ ! -p {0} ] || echo 1<>{0}\n", upload_file(marker));
}

// The subshell undoes what a shell without job control does to its background processes: they
// would ignore SIGINT and SIGQUIT. It stays, as the parent that such a command may end: nobody
// waits for the command, and the next one must not suffer. Of that end it must not tell the
// console.
std::string shell_detach(std::string_view command) {
    const auto run = shell_quote(fmt::format("set -euo pipefail; {}", command));
    const auto line = fmt::format("(trap - INT QUIT; exec <&7 >/dev/null 4>&- 7<&- 8>&-; "
                                  "bash -c {} 2>&3 3>&-; :) &",
                                  run);
    return fmt::format("ntd_to '' {}\n", shell_quote(line));
}

std::string shell_given_up(std::string_view marker) {
    return fmt::format("given up {}\n", marker);
}

std::string shell_stop(std::string_view marker) {
    return question("ntd_stop", marker);
}

std::string shell_restart(std::string_view marker) {
    return question("ntd_restart", marker);
}

std::string shell_ping(std::string_view marker) {
    return question("ntd_ping", marker);
}

std::string shell_probe(std::string_view marker) {
    return question("ntd_probe", marker);
}

} // namespace ntd::proto
