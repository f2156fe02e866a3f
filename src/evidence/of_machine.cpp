#include "of_machine.h"

#include <ntd/base/error.h>
#include <ntd/base/scope_exit.h>
#include <ntd/base/text.h>
#include <ntd/machine/wait_limit.h>
#include <ntd/os/other_process.h>
#include <ntd/os/write_file.h>
#include <ntd/qemu/qemu_machine.h>

#include <nlohmann/json.hpp>

#include <array>
#include <string>

namespace ntd::evidence {

namespace {

namespace fs = std::filesystem;

// A command in the guest, whose output goes to a file. The quick ones come first.
struct Question {
    std::string_view file;
    std::string_view title;
    std::string_view command;
};

constexpr std::array questions{
    Question{"failed-units.txt", "failed units", "systemctl --failed --full --no-pager"},
    Question{"processes.txt", "processes", "ps -eo pid,ppid,user,stat,etime,args || ps"},
    Question{"addresses.txt", "network addresses", "ip address; ip route"},
    Question{"versions.txt", "versions", "uname -a; cat /etc/os-release; systemctl --version"},
    Question{"coredumps.txt", "core dumps", "coredumpctl list --no-pager"},
    Question{"journal.txt", "journal", "journalctl --boot --no-pager --output=short-monotonic"},
    Question{"journal.export", "journal for journalctl --file",
             "journalctl --boot --no-pager --output=export"},
};

// The most bytes of the output of each.
constexpr std::string_view most = "64M";

class Collector {
public:
    Collector(machine::Machine& machine, fs::path root, Deadline deadline, Findings& findings)
        : machine_(machine), root_(std::move(root)),
          directory_(fs::path("machines") / machine.name()), deadline_(deadline),
          findings_(findings) {
        fs::create_directories(root_ / directory_);
    }

    void run() {
        attempt("console", [&] { write_console(); });
        attempt("command line", [&] { write_command_line(); });
        const machine::WaitLimit limit(deadline_);
        if (auto* vm = dynamic_cast<qemu::QemuMachine*>(&machine_); vm != nullptr && is_alive())
            attempt("screen", [&] { take_picture(*vm); });
        if (!is_alive() || !machine_.is_up())
            return findings_.miss(fmt::format("machine '{}': what only its guest knows ({})",
                                              machine_.name(), machine_.situation()));
        for (const auto& question : questions)
            if (!attempt(question.title, [&] { ask(question); }) &&
                (deadline_.passed() || !is_alive()))
                break;
    }

private:
    bool is_alive() const {
        const auto run = machine_.run_or_null();
        return run && !run->process.child().poll();
    }

    // Returns whether it was written.
    template <typename Write>
    bool attempt(std::string_view what, Write write) {
        try {
            write();
            return true;
        } catch (const std::exception& error) {
            // More lines would quote the console, which is evidence of its own.
            findings_.miss(fmt::format("machine '{}': {} ({})", machine_.name(), what,
                                       first_line(error.what())));
            return false;
        }
    }

    fs::path path_of(std::string_view file) const { return root_ / directory_ / file; }

    void found(std::string_view file, std::string_view title) {
        findings_.add({machine_.name(), std::string(title), path_of(file)});
    }

    void write_console() {
        constexpr std::size_t piece = std::size_t{1} << 20;
        os::OutputFile file(path_of("console.txt"));
        const auto& console = machine_.console();
        for (auto part = console.part(0, piece);;
             part = console.part(part.begin + part.text.size(), piece)) {
            file.write(part.text);
            if (!part.more)
                break;
        }
        found("console.txt", "console");
    }

    void write_command_line() {
        os::OutputFile file(path_of("command-line.txt"));
        file.write(machine_.start_command() + "\n");
        if (const auto run = machine_.run_or_null())
            file.write(shell_command(os::command_line_of(run->process.child().pid())) + "\n");
        found("command-line.txt", "command line");
    }

    void take_picture(qemu::QemuMachine& vm) {
        const fs::path made = vm.state_dir / "evidence.png"; // QEMU may write there
        const ScopeExit remove([&] {
            std::error_code ignored;
            fs::remove(made, ignored);
        });
        const nlohmann::json arguments{{"filename", made.string()}, {"format", "png"}};
        vm.send_qmp("screendump", arguments.dump());
        fs::copy_file(made, path_of("screen.png"));
        found("screen.png", "screen");
        machine_.host().log.write(machine_.name(),
                                  log::Picture{(directory_ / "screen.png").string()});
    }

    void ask(const Question& question) {
        os::OutputFile file(path_of(question.file));
        machine_.transfer(fmt::format("{{ {}; }} 2>&1 | head -c {}", question.command, most),
                          std::nullopt, file.fd());
        found(question.file, question.title);
    }

    machine::Machine& machine_;
    const fs::path root_;
    const fs::path directory_; // in root_
    const Deadline deadline_;
    Findings& findings_;
};

} // namespace

void collect_from(machine::Machine& machine,
                  const fs::path& root,
                  Deadline deadline,
                  Findings& findings) {
    try {
        Collector(machine, root, deadline, findings).run();
    } catch (const std::exception& error) {
        findings.miss(fmt::format("machine '{}': {}", machine.name(), error.what()));
    }
}

} // namespace ntd::evidence
