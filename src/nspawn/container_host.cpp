#include <ntd/nspawn/container_host.h>

#include <ntd/base/error.h>

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <set>
#include <sstream>
#include <system_error>

namespace ntd::nspawn {

namespace {

namespace fs = std::filesystem;

constexpr const char* cgroup_mount = "/sys/fs/cgroup";

bool try_mount(const std::string& type, const fs::path& target, const std::string& options = "") {
    return ::mount(type.c_str(), target.c_str(), type.c_str(), MS_NOSUID | MS_NODEV,
                   options.c_str()) == 0;
}

void mount_on(const std::string& type, const fs::path& target) {
    fs::create_directories(target);
    if (!try_mount(type, target))
        throw_errno("mount {} on '{}'", type, target.string());
}

void write_file(const fs::path& path, std::string_view text) {
    std::ofstream(path) << text;
    if (!fs::exists(path))
        throw_errno("write '{}'", path.string());
}

bool is_below(const fs::path& path, const fs::path& directory) {
    const auto relative = path.lexically_relative(directory);
    return !relative.empty() && relative != "." && *relative.begin() != "..";
}

// Finds the mount points below a directory, as relative paths, without those nested in other
// mounts.
std::set<fs::path> mounts_below(const fs::path& directory) {
    std::set<fs::path> found;
    std::ifstream mounts("/proc/thread-self/mountinfo");
    for (std::string line; std::getline(mounts, line);) {
        std::istringstream words(line);
        std::string point;
        for (int i = 0; i < 5; ++i) // the mount point is the fifth field, see proc(5)
            words >> point;
        if (is_below(point, directory))
            found.insert(fs::path(point).lexically_relative(directory));
    }
    std::erase_if(found, [&](const fs::path& path) {
        for (auto parent = path.parent_path(); !parent.empty(); parent = parent.parent_path())
            if (found.contains(parent))
                return true;
        return false;
    });
    return found;
}

// Mounts an overlay on a directory, so that only we see later writes. Mounts below it and `keep`
// are bound into it unchanged. Returns false if the kernel cannot do that.
bool layer_over(const fs::path& directory, const fs::path& keep) {
    const auto mounts = mounts_below(directory);
    const UniqueFd old(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    const auto below = fs::path("/proc/thread-self/fd") / std::to_string(old.get());
    if (!old || !try_mount("tmpfs", directory, "mode=755"))
        return false;
    fs::create_directory(directory / "upper");
    fs::create_directory(directory / "work");
    fs::permissions(directory / "upper", fs::status(below).permissions());
    const auto options = fmt::format("lowerdir={},upperdir={},workdir={}", below.string(),
                                     (directory / "upper").string(), (directory / "work").string());
    if (!try_mount("overlay", directory, options)) {
        ::umount2(directory.c_str(), MNT_DETACH);
        return false;
    }
    const auto take_over = [&](const fs::path& path) {
        return ::mount((below / path).c_str(), (directory / path).c_str(), nullptr,
                       MS_BIND | MS_REC, nullptr) == 0;
    };
    for (const auto& path : mounts)
        take_over(path); // best effort: mountinfo escapes blanks, so such paths fail
    if (is_below(keep, directory) && !take_over(keep.lexically_relative(directory)))
        throw_errno("keep '{}'", keep.string());
    return true;
}

void prepare_run(const fs::path& keep) {
    if (!fs::is_directory("/run") || ::access("/run", W_OK) < 0)
        mount_on("tmpfs", "/run");
    else
        layer_over("/run", keep); // if this fails, /run belongs to a sandbox anyway
    fs::create_directories("/run/netns");
    mount_on("tmpfs", "/run/systemd/nspawn"); // systemd-nspawn cleans up only a tmpfs there
    if (!fs::exists(fs::symlink_status("/var/run"))) {
        fs::create_directories("/var");
        fs::create_directory_symlink("/run", "/var/run");
    }
}

void prepare_etc(const fs::path& keep) {
    std::error_code none;
    const bool has_release = fs::exists("/etc/os-release");
    const bool has_id = fs::file_size("/etc/machine-id", none) > 0 && !none;
    if (has_release && has_id)
        return;
    fs::create_directories("/etc");
    layer_over("/etc", keep); // best effort, as for /run
    if (!has_release)
        write_file("/etc/os-release", "ID=nixos-test-driver\nNAME=nixos-test-driver\n");
    if (!has_id)
        write_file("/etc/machine-id", "6e69786f732d746573742d6472697665\n");
}

// The directory of our own cgroup: we may move processes between cgroups within it.
fs::path own_cgroup() {
    std::ifstream cgroups("/proc/self/cgroup");
    for (std::string line; std::getline(cgroups, line);)
        if (line.starts_with("0::"))
            return fs::path(cgroup_mount) / fs::path(line.substr(3)).relative_path();
    throw MachineError("containers need cgroup2, which this kernel does not have");
}

UniqueFd prepare(bool has_network, const fs::path& keep) {
    prepare_run(keep);
    // It may be mounted already, but a new /sys has no mounts in it.
    if (has_network || !fs::exists(fs::path(cgroup_mount) / "cgroup.procs"))
        mount_on("cgroup2", cgroup_mount);
    prepare_etc(keep);
    const auto cgroup = own_cgroup();
    UniqueFd directory(::open(cgroup.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory)
        throw_errno("open our own cgroup '{}'", cgroup.string());
    return directory;
}

} // namespace

ContainerHost::ContainerHost(const machine::Host& host, const fs::path& keep) {
    if (::geteuid() != 0)
        throw MachineError("containers need root, and the driver runs as user {}; run it as root "
                           "(in Nix: a builder with the system feature uid-range)",
                           ::geteuid());
    static std::atomic<int> count = 0; // a script may run a driver within the driver
    try {
        UniqueFd cgroups;
        namespaces_.emplace([&](bool has_network) { cgroups = prepare(has_network, keep); });
        const auto name = fmt::format("nixos-test-driver-{}-{}", ::getpid(), ++count);
        cgroup_ = std::make_unique<os::Cgroup>(cgroups.get(), name, &host.guard);
    } catch (const std::exception& error) {
        throw MachineError("containers cannot be run here: {}", error.what());
    }
}

std::vector<int> ContainerHost::namespaces() const {
    if (namespaces_->network() < 0)
        return {namespaces_->mount()};
    return {namespaces_->mount(), namespaces_->network()};
}

std::unique_ptr<os::Cgroup> ContainerHost::make_cgroup(const std::string& name) const {
    return std::make_unique<os::Cgroup>(cgroup_->directory(), name, nullptr);
}

} // namespace ntd::nspawn
