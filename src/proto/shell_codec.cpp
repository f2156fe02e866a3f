#include <ntd/proto/shell_codec.h>

#include <ntd/base/random.h>
#include <ntd/base/text.h>

#include <fmt/ranges.h>

namespace ntd::proto {

namespace {

// Longer commands do not fit on a line: bash reads lines byte by byte, and Linux limits one
// argument of exec to 128 KiB (MAX_ARG_STRLEN).
constexpr std::size_t longest_on_a_line = std::size_t{64} * 1024;

// The script of a spare bash. It waits for a command and then runs it as `bash -c` would. First it
// updates what may have changed since its start. A NUL marks the end of the command, so that a
// partial one is not run. The newline before it ends an incomplete multibyte character, which would
// otherwise swallow the NUL.
constexpr std::string_view spare_script =
    R"sh(IFS= read -r -d "" -u 9 BASH_EXECUTION_STRING || exit; exec 9<&-; )sh"
    R"sh(BASH_EXECUTION_STRING=${BASH_EXECUTION_STRING%[[:space:]]}; )sh"
    R"sh([[ ${HOSTNAME@a} = *x* ]] || read -r HOSTNAME </proc/sys/kernel/hostname; )sh"
    R"sh(SECONDS=0; eval "$BASH_EXECUTION_STRING")sh";

// The worker's functions:
//
//     ntd_run MARKER COMMAND     runs a command of a test.
//     ntd_direct MARKER COMMAND  runs one of the driver, which leaves no process behind and so can
//                                write to the channel itself.
//     ntd_simple MARKER COMMAND  does so for one simple command, which needs no bash of its own.
//
// File descriptor 7 is the guest's console. It is the standard input of commands, which do not
// inherit it otherwise. 3 is the console as their standard error. The worker's own standard error
// is /dev/null: bash would report there that a signal ended a command.
//
// 8 leads to cat, the reader of the output. It is started before there is a command, so that no
// command waits for its start. It ignores SIGTERM, which is meant for commands: SIGTERM must not
// cut output off, nor hit the reader of the next command if this one has just ended by itself.
//
// Most of the cost of a short command is the start of bash. So a spare bash is started in advance
// and waits for the command at the other end of the pipe at descriptor 4. If there is none, or it
// is gone, a fresh bash runs the command. There is no spare if BASH_ENV is set, which may change
// how a new bash starts.
//
// If the spare has ended and the command is still in the pipe, the command was not started. A fresh
// bash then runs it, unless it was stopped (SIGTERM), and the next spare gets a new pipe. ntd_open
// makes the pipe from a here-string, which costs no process. In an old bash that is not a pipe, and
// a process substitution is used. The spare is a background job because bash 5.2 loses the status
// of a second process substitution.
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

// The control shell's functions. It reads bulk input from descriptor 5, and writes output and
// frames to 6. The port is opened only once: the kernel drops pending input when it is closed. The
// port is used only if what the driver sends to it arrives.
//
// SIGPIPE is ignored so that a worker that is gone does not end the control shell. The default is
// restored while a worker starts, which would inherit this. bash 5.3 lets a process substitution,
// and so all its children, ignore SIGINT and SIGQUIT; the trap undoes that. Signals go to parents
// before their children: a shell must not see its child end before it gets the signal itself.
// ntd_renew also kills the cat of a previous worker, and waits until no process can write to the
// channel any more. Otherwise old output could become output of the next command.
//
// ntd_to MARKER LINE sends a line to the worker. If the worker is gone, it has not got the line. A
// new worker gets it then, and the next command with a marker is told by an "anew" frame.
//
// A process holds the output open if it has the other end of the pipe that the worker's cat reads.
// The command itself may be a cat, too, but not one that writes to the channel. One `ls` finds all
// holders: a process for each link would take minutes in a slow guest.
//
// ntd_store MARKER BYTES FILE appends bulk input to a file. If that fails, ntd_why says why. dd
// with large blocks is twice as fast as head, which reads 8 KiB at a time, but an old dd cannot
// count bytes. On failure the rest of the input is skipped up to the marker behind it. Any other
// line there means that the driver gave the input up, and the stored bytes are not valid.
//
// ntd_stop gives the running processes two seconds to end. It waits until the cat of the command is
// gone. If a spare still waits for a command, it waits for the worker's other child, or not at all
// if there is none. It waits by reading from an empty pipe, because the guest's sleep(1) may be
// what hangs.
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

// Removes indentation, because each byte passes through the guest's serial port.
std::string unindented(std::string_view text) {
    std::string result;
    for (const char c : text)
        if (c != ' ' || (!result.empty() && result.back() != '\n'))
            result += c;
    return result;
}

// Makes bash read `script` in large pieces. Otherwise it reads byte by byte, with a system call for
// each. For definitions only: bash 5.2 crashes if the eval duplicates the descriptor that the
// script comes from.
std::string at_once(std::string_view script) {
    return fmt::format("IFS= read -rN {} ntd_t; eval \"$ntd_t\"; unset ntd_t\n{}", script.size(),
                       script);
}

std::string replaced(std::string_view text, std::string_view what, std::string_view by) {
    std::string result(text);
    result.replace(result.find(what), what.size(), by);
    return result;
}

// The name does not contain the whole marker: it is an argument of the command's bash, and a
// process list in the output must not look like a frame.
std::string upload_file(std::string_view marker) {
    return fmt::format("/tmp/.{}", marker.substr(marker.find('-') + 1));
}

std::string store_line(std::string_view marker, std::string_view bytes, std::string_view file) {
    return fmt::format("ntd_store {} {} {}", marker, bytes.size(), shell_quote(file));
}

// A shell that lacks our functions answers "MARKER new".
std::string question(std::string_view function, std::string_view marker) {
    return fmt::format("if [ \"$ntd_port\" ]; then {} {}; else printf '%s new\\n' {}; fi\n",
                       function, marker, marker);
}

std::string
to_worker(std::string_view marker, std::string_view function, std::string_view command) {
    const auto call = fmt::format("{} {} {}", function, marker, shell_quote(command));
    return fmt::format("ntd_to {} {}\n", marker, shell_quote(call));
}

// Stores `bytes`, which are too long for a line, in the upload file, and then runs a short command.
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
                 port == ShellPort::perhaps ? port_name : "/"); // a name that no port has
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

// Each piece passes through a file, because an empty piece marks the end. The script itself puts
// the first token into the FIFO.
ShellText shell_run_paced(std::string_view marker, std::string_view command) {
    constexpr std::string_view paced =
        R"sh(ntd_f={0}; trap 'rm -f $ntd_f $ntd_f.p' EXIT; mkfifo -m 600 $ntd_f; exec 8<>$ntd_f
echo >&8; {{ {1}
}} 8>&- | while head -c {2} >$ntd_f.p || exit 1; [ -s $ntd_f.p ]; do
    read -r _ <&8; cat $ntd_f.p
done)sh";
    return shell_run(marker, fmt::format(paced, upload_file(marker), command, pace));
}

// Opens the FIFO for reading and writing, which does not block. After the command has ended, there
// is no FIFO.
std::string shell_go_on(std::string_view marker) {
    return fmt::format("[ ! -p {0} ] || echo 1<>{0}\n", upload_file(marker));
}

// A shell without job control lets its background processes ignore SIGINT and SIGQUIT; the subshell
// undoes that. It also stays as the parent, which such a command may kill: nobody waits for the
// command, and the next one must not suffer. The subshell's standard error is /dev/null, so that it
// does not report such an end on the console.
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
