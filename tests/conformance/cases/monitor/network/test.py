class Watched(QemuMachine):
    sent = []

    def send_monitor_command(self, command):
        self.sent.append(command)
        return super().send_monitor_command(command)


watched = Watched(
    out_dir=machine.out_dir,
    tmp_dir=machine.tmp_dir,
    start_command=os.environ["START"],
    logger=log,
    name="watched",
)
driver.machines_qemu.append(watched)
watched.start()
watched.forward_port()
watched.forward_port(8081, 22)
watched.forward_port(host_port=8082, guest_port=443)
watched.block()
watched.unblock()
assert watched.sent == [
    "hostfwd_add tcp::8080-:80",
    "hostfwd_add tcp::8081-:22",
    "hostfwd_add tcp::8082-:443",
    "set_link virtio-net-pci.1 off",
    "set_link virtio-net-pci.1 on",
], watched.sent
