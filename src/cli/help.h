#pragma once

#include <string_view>

namespace ntd::cli {

constexpr std::string_view usage_text =
    R"(usage: nixos-test-driver --config FILE [OPTION]...
       nixos-test-driver [--start-scripts SCRIPT...] [--vlans N...] [OPTION]... [--] TESTSCRIPT
)";

constexpr std::string_view help_text =
    R"(
Boots the machines of a NixOS test and runs the test's Python script against them.

What to run, as one file (NixOS 26.05 and later):
  -c, --config FILE           JSON with the keys vms, containers, vlans, global_timeout,
                              enable_ssh_backdoor and test_script. The options of the next group
                              cannot be given with it, and their variables are ignored.
  --test-script FILE          the test script; stronger than FILE's test_script   [default: that]

What to run, as options (up to NixOS 25.11). A list is several words after the option; in a
variable its items are separated by blanks. An option wins over its variable.
  TESTSCRIPT                  the test script          [variable: testScript; needed unless -I]
  --start-scripts SCRIPT...   programs or commands that start the virtual machines
                                                         [variable: startScripts; default: none]
  --vm-start-scripts SCRIPT...
                              the same                 [variable: vmStartScripts; default: none]
  --vm-names NAME...          names of these machines, in the same order [variable: vmNames;
                              default: NAME from scripts called run-NAME-vm, else "machine"]
  --container-start-scripts SCRIPT...
                              programs that start systemd-nspawn containers (they need root)
                                                [variable: containerStartScripts; default: none]
  --container-names NAME...   their names [variable: containerNames; default: NAME from scripts
                              called run-NAME-nspawn, else "machine"]
  --vlans N...                numbers of the VLANs to create    [variable: vlans; default: none]
  --global-timeout SECONDS    end the whole test after this time; durations such as PT1H30M or
                              01:30:00 work too        [variable: globalTimeout; default: never]
  --dump-vsocks OFFSET        print how to reach the SSH backdoor of each virtual machine through
                              the host's kernel; the first, in the order of their names, has vsock
                              address OFFSET + 1, for all users of the host [default: not printed]

How to run it:
  -o, --output_directory DIR  where screenshots, copied files and reports go; it must exist and be
                              writable                           [default: the current directory]
  --junit-xml FILE            write a JUnit report, under DIR unless absolute     [default: none]
  --log-level LEVEL           debug, info, warning or error   [variable: logLevel; default: info]
  -I, --interactive           give a Python prompt instead of running the script; it says what there
                              is to type
      --no-interactive        run the script                                            [default]
      --vnc                   give each machine a VNC server, on a socket in its state directory
      --watch                 run the script, and again whenever it is saved, on the same machines,
                              until Ctrl-C; with -I there is the prompt then
      --repeat N              run the whole test N times, with new machines each time; the exit
                              status is that of the first run that failed
      --until-fail            run the whole test again until it fails (with --repeat N: N times at
                              most)
  -K, --keep-machine-state    keep the machines' state from an earlier run    [default: remove it]
      --keep-vm-state         older name of --keep-machine-state
      --backdoor CHANNEL      over what commands reach the machines that have a vsock: vsock,
                              virtconsole, or auto: the vsock where the guest listens on it for the
                              driver, which takes several commands at a time. With vsock the
                              machines get one, and it is an error if the guest does not listen
                                                                                [default: auto]
      --vsock-siblings        let the guests reach each other's vsocks, which else only the host
                              does; a guest then can log in to another that takes SSH logins
                              without a password on its vsock   [also "vsock_siblings" in FILE]
      --pcap                  record what passes over each VLAN, in vlanN.pcap of the output
                              directory; kept if the test fails
      --keep-pcap             the same, kept in any case
      --stream-output         show what commands write to standard output while they run
      --max-output SIZE       how much output a command may have, in bytes, or with K, M, G or T
                              behind the number; one that has more is ended, and an error. Files
                              that are copied do not count
                                                     [variable: NTD_MAX_OUTPUT; default: 2G]
  --debug-hook-attach CMD     when the test fails, or calls debug.breakpoint(), stop for a debugger
                              and print CMD as the command to attach with          [default: none]
      --ssh-proxy SOCKET      for ssh's ProxyCommand with ProxyUseFdpass=yes: connect to the SSH
                              server of the guest whose backdoor is that socket
      --list-methods          print what scripts can use: names, methods, what they do
  -h, --help                  print this text
  --version                   print the version

A long option may be shortened as long as it is unambiguous, and --OPTION=VALUE works too. When an
option is repeated, the last one counts; lists add up.

Environment:
  XDG_RUNTIME_DIR, TMPDIR, TEMP, TMP
                              the first one that is set is the directory in which the machines'
                              state (vm-state-NAME) and sockets are kept          [default: /tmp]
  LOGFILE                     file for the log as XML                              [default: none]
  NO_COLOR                    set to anything: no colours in the log
  NTD_REPL                    the kind of prompt: ptipython, ptpython, ipython or python
                                                [default: the first of them that is installed]
  NTD_START_TIMEOUT           seconds that a start script may take until its machine answers [300]
  NTD_BOOT_SILENCE            seconds that a booting guest's console may be silent           [300]
  NTD_BOOT_TIMEOUT            seconds that a guest may take to its root shell, whatever its console
                              shows                   [300 with --config, else as many as it needs]
  NTD_SILENCE                 seconds that QEMU, or a guest's shell, may leave us unanswered [300]
  NTD_TRACE                   file for all that goes over the machines' channels     [default: none]

Differences from the Python driver (the README tells more):
  - What has died ends every wait for it at once, with its exit status and last output: a start
    script, QEMU, a guest that powers off, panics, or ends in emergency mode. A guest that boots or
    runs a command and is silent for five minutes is an error, too.
  - Waits look again after 10 ms, then less and less often; their limits are wall-clock time.
  - A command over its time limit, or interrupted by Ctrl-C, is ended in the guest as well. Commands
    may be of any length, their output any bytes. Their standard input is the guest's console.
  - Commands with more output than --max-output are ended. Of a console the last 16 MiB are in
    memory and 1 GiB on disk; what is older is gone.
  - Commands can go over a vsock as well, several at a time (--backdoor).
  - Output and copies take a virtio-serial port of ours where the guest has it.
  - Machines raise MachineError; one that has died MachineDied, which is a BrokenPipeError.
  - Standard error of QEMU and of start scripts is in the log.
  - wait_for_text() takes the first reading that matches, and keeps the picture when it fails.
  - Damaged stores of EFI variables are an error, and stay as they are.
  - Copies keep symbolic links, and appear under their names when they are complete.
  - shell_interact() has a terminal of its own; Ctrl-] leaves it, and console_interact().
  - The debugger of --debug-hook-attach takes another port if its own is in use, and holds the
    global timeout while somebody is attached. It asks for a key that only its user can read.
  - At the prompt a failing script comes back, Ctrl-C ends only what runs, and consoles do not tear
    the line. test_script() reads the script again, and can run it from a line or subtest on.
  - --pcap, --keep-pcap, --stream-output, --watch, --repeat, --until-fail, --vnc, --backdoor,
    --max-output, --vsock-siblings, --list-methods, --ssh-proxy, --version, and the variables
    NTD_... are ours, and so are vlanN.capture(), disconnect(), reconnect(), impair() (loss and
    delay).
  - Containers are in namespaces and a cgroup of the driver's own, where the host has no part.

Exit status: 0 the test script ran to its end; 1 it failed (or what it gave to sys.exit); 2 the
options or the configuration cannot be used; 143 (SIGTERM) the global timeout passed; 130 (SIGINT)
it was interrupted.
)";

} // namespace ntd::cli
