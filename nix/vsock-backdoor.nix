# A module for the NixOS machines of a test: root shells for the driver over the machine's vsock, one for each connection,
# beside the one that NixOS' test instrumentation has on the virtconsole. With them the driver runs several commands of a
# machine at a time, and a shell that is killed costs nothing. A machine has a vsock with `sshBackdoor.enable = true`, or
# when the driver is called with `--backdoor vsock`.
#
#   defaults.imports = [ ./vsock-backdoor.nix ];
{ pkgs, ... }:

let
  shell = pkgs.writeShellScript "vsock-backdoor" ''
    # Standard input and output are the connection. What goes wrong is to be read on the console.
    exec 2>/dev/console
    # systemd says who it is: 2 is the host. Others are programs of this guest, whoever runs them, and guests beside it.
    if [[ ''${REMOTE_ADDR-} != vsock:2 ]]; then
      echo "vsock-backdoor: no shell for ''${REMOTE_ADDR-an unknown peer}, only for the host" >&2
      exit 1
    fi
    export USER=root HOME=/root DISPLAY=:0.0 PAGER=
    source /etc/profile </dev/null
    cd /tmp || exit
    echo 'Spawning backdoor root shell...'
    PS1= exec ${pkgs.bash}/bin/bash --norc
  '';
in
{
  boot.kernelModules = [ "vmw_vsock_virtio_transport" ];

  systemd.sockets.vsock-backdoor = {
    description = "Root shells for the test driver, over the vsock";
    wantedBy = [ "sockets.target" ];
    # The driver looks for it when the other root shell is there.
    before = [
      "backdoor.service"
      "sockets.target"
      "shutdown.target"
    ];
    after = [ "systemd-modules-load.service" ];
    conflicts = [ "shutdown.target" ];
    unitConfig = {
      DefaultDependencies = false;
      ConditionPathExists = "/dev/vsock";
    };
    listenStreams = [ "vsock::51400" ];
    socketConfig = {
      Accept = true;
      MaxConnections = 1024;
    };
  };

  systemd.services."vsock-backdoor@" = {
    description = "Root shell for the test driver, over the vsock";
    before = [ "shutdown.target" ];
    conflicts = [ "shutdown.target" ];
    unitConfig = {
      DefaultDependencies = false;
      CollectMode = "inactive-or-failed";
    };
    serviceConfig = {
      # How the shell of a connection ends says nothing about the system.
      ExecStart = "-${shell}";
      StandardInput = "socket";
      # What a command leaves in the background is not the connection's.
      KillMode = "process";
      KillSignal = "SIGHUP";
      TimeoutStopSec = 5;
    };
  };
}
