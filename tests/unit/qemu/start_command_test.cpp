#include <ntd/qemu/start_command.h>

#include <gtest/gtest.h>

#include <algorithm>

namespace ntd::qemu {

namespace {

using Words = std::vector<std::string>;

const QemuSockets sockets{
    .qmp = "/s/qmp", .monitor = "/s/monitor", .shell = "/s/shell", .port = "/s/port"};

TEST(QemuArguments, AreThoseThatStartScriptsKnow) {
    const Words expected{
        "-qmp",       "unix:/s/qmp,server=on,wait=off",
        "-monitor",   "unix:/s/monitor",
        "-chardev",   "socket,id=shell,path=/s/shell",
        "-device",    "virtio-serial",
        "-device",    "virtconsole,chardev=shell",
        "-device",    "virtio-rng-pci",
        "-serial",    "stdio",
        "-no-reboot", "-nographic",
        "-chardev",   "socket,id=ntd-port,path=/s/port",
        "-device",    "virtserialport,chardev=ntd-port,id=ntd-port-device,name=nixos-test-driver.0",
    };
    EXPECT_EQ(qemu_arguments(sockets, Reboot::ends_qemu, Display::none), expected);
}

TEST(QemuArguments, LetTheGuestReboot) {
    const auto arguments = qemu_arguments(sockets, Reboot::restarts_guest, Display::none);
    EXPECT_EQ(std::count(arguments.begin(), arguments.end(), "-no-reboot"), 0);
}

TEST(QemuArguments, LetAWindowBeShown) {
    const auto arguments = qemu_arguments(sockets, Reboot::ends_qemu, Display::window);
    EXPECT_EQ(std::count(arguments.begin(), arguments.end(), "-nographic"), 0);
}

TEST(QemuArguments, HaveAVncServerIfAsked) {
    auto with_vnc = sockets;
    with_vnc.vnc = "/s/v,nc";
    const auto arguments = qemu_arguments(with_vnc, Reboot::ends_qemu, Display::none);
    const Words last(arguments.end() - 2, arguments.end());
    EXPECT_EQ(last, (Words{"-vnc", "unix:/s/v,,nc"}));
}

// For QEMU, a single comma ends the path.
TEST(QemuArguments, DoubleTheCommasOfAPath) {
    EXPECT_EQ(qemu_arguments({.qmp = "/a,b", .monitor = "", .shell = "", .port = ""},
                             Reboot::ends_qemu, Display::none)[1],
              "unix:/a,,b,server=on,wait=off");
}

TEST(QemuArguments, HaveTheVsockOfTheSshBackdoor) {
    auto with_vsock = sockets;
    with_vsock.vsock = "/s/3,guest";
    const Words expected{"-chardev", "socket,id=vsock_ssh,reconnect=0,path=/s/3,,guest", "-device",
                         "vhost-user-vsock-pci,chardev=vsock_ssh"};
    const auto arguments = qemu_arguments(with_vsock, Reboot::ends_qemu, Display::none);
    const auto begin = std::find(arguments.begin(), arguments.end(), "-nographic") + 1;
    EXPECT_EQ(Words(begin, begin + 4), expected);
}

TEST(StartCommandLine, PutsAPlainScriptInTheShellsPlace) {
    EXPECT_EQ(start_command_line("/nix/store/x-vm/bin/run-a_1-vm", {}),
              "exec /nix/store/x-vm/bin/run-a_1-vm");
}

TEST(StartCommandLine, LeavesShellTextAsItIs) {
    EXPECT_EQ(start_command_line("cd /tmp && exec ./run-vm", {}), "cd /tmp && exec ./run-vm");
}

TEST(StartCommandLine, LeavesAQuotedPathAsItIs) {
    EXPECT_EQ(start_command_line("'/a b/run-vm'", {}), "'/a b/run-vm'");
}

TEST(StartCommandLine, LeavesAnAssignmentInFrontAsItIs) {
    EXPECT_EQ(start_command_line("A=1 run-vm", {}), "A=1 run-vm");
}

TEST(StartCommandLine, AppendsPlainArgumentsWithoutQuotes) {
    EXPECT_EQ(start_command_line("run-vm", {"-qmp", "unix:/s/qmp,server=on,wait=off"}),
              "exec run-vm -qmp unix:/s/qmp,server=on,wait=off");
}

TEST(StartCommandLine, QuotesAnArgumentWithABlank) {
    EXPECT_EQ(start_command_line("run-vm", {"unix:/a b"}), "exec run-vm 'unix:/a b'");
}

TEST(StartCommandLine, QuotesAnArgumentWithAQuote) {
    EXPECT_EQ(start_command_line("run-vm", {"it's"}), R"(exec run-vm 'it'\''s')");
}

TEST(StartCommandLine, QuotesAnArgumentThatTheShellWouldExpand) {
    EXPECT_EQ(start_command_line("run-vm", {"$HOME/*"}), "exec run-vm '$HOME/*'");
}

TEST(StartCommandLine, QuotesAnEmptyArgument) {
    EXPECT_EQ(start_command_line("run-vm", {""}), "exec run-vm ''");
}

TEST(StartCommandLine, QuotesBytesThatAreNotUtf8) {
    EXPECT_EQ(start_command_line("run-vm", {"\xFF"}), "exec run-vm '\xFF'");
}

TEST(StartEnvironment, AddsTheDirectories) {
    const Words expected{"TMPDIR=/state", "SHARED_DIR=/shared", "USE_TMPDIR=1",
                         "NIX_EFI_VARS=/efi"};
    EXPECT_EQ(start_environment({}, "/state", "/shared", "/efi"), expected);
    EXPECT_EQ(start_environment({"NIX_EFI_VARS="}, "/state", "/shared", "/efi"), expected);
}

TEST(StartEnvironment, KeepsAPlaceForEfiVariables) {
    const Words expected{"NIX_EFI_VARS=/own", "TMPDIR=/state", "SHARED_DIR=/shared",
                         "USE_TMPDIR=1"};
    EXPECT_EQ(start_environment({"NIX_EFI_VARS=/own"}, "/state", "/shared", "/efi"), expected);
}

TEST(StartEnvironment, KeepsWhatItInherits) {
    EXPECT_EQ(start_environment({"QEMU_VDE_SOCKET_1=/vde1.ctl"}, "", "", "").front(),
              "QEMU_VDE_SOCKET_1=/vde1.ctl");
}

TEST(StartEnvironment, ReplacesWhatItInherits) {
    const Words expected{"TMPDIR=/state", "SHARED_DIR=/shared", "USE_TMPDIR=1",
                         "NIX_EFI_VARS=/efi"};
    EXPECT_EQ(start_environment({"TMPDIR=/tmp", "USE_TMPDIR=", "SHARED_DIR=/x", "TMPDIR=/y"},
                                "/state", "/shared", "/efi"),
              expected);
}

TEST(StartEnvironment, KeepsVariablesWithALongerName) {
    EXPECT_EQ(start_environment({"TMPDIR_OLD=/tmp"}, "", "", "").front(), "TMPDIR_OLD=/tmp");
}

TEST(DisplayOf, IsAWindowUnderX) {
    EXPECT_EQ(display_of({"A=1", "DISPLAY=:0"}), Display::window);
}

TEST(DisplayOf, IsAWindowUnderWayland) {
    EXPECT_EQ(display_of({"WAYLAND_DISPLAY=wayland-1"}), Display::window);
}

TEST(DisplayOf, IsNoneOtherwise) {
    EXPECT_EQ(display_of({"A=1", "DISPLAYS=:0", "XDISPLAY=:0"}), Display::none);
}

} // namespace

} // namespace ntd::qemu
