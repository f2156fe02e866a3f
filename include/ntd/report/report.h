#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace ntd::report {

// What the driver knows about the run only once it has ended.
struct Outcome {
    struct Link {
        std::string machine; // empty: not about one machine
        std::string title;
        std::filesystem::path file;
    };

    bool passed = false;
    std::string reason = {};  // one sentence
    std::string failure = {}; // the traceback
    int line = 0;             // of the script, where it failed; 0 if that is not known
    std::string command = {}; // the line to paste into a shell to try again
    std::vector<Link> evidence = {};
};

// Makes one HTML file of the record of a run (log::RecordSink): it needs no other file and no
// network, and can be read without JavaScript. Pictures of the record are put into it; evidence
// becomes relative links. Of very long consoles and of very many steps the middle or the start is
// left out, so that browsers can open the file.
//
// The file is written under a temporary name and then renamed. The end of the record may be missing
// or damaged, because its process may have been killed. Throws Error or SystemError.
void write_report(const std::filesystem::path& record,
                  const Outcome& outcome,
                  const std::filesystem::path& html);

} // namespace ntd::report
