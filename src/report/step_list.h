#pragma once

#include "pictures.h"
#include "story.h"

#include <cstddef>
#include <string>
#include <vector>

namespace ntd::report {

// The name of a machine, with its colour: a link to its console.
std::string machine_label(const Story& story, const std::string& machine);

// "must succeed: ls" with the command in another font.
std::string wording_of(const Step& step);

// A command's output or other text of a machine.
std::string output_block(const std::string& text, std::size_t cut);

// Calls write(std::string_view) with the HTML of the steps, one after the other. `marked` and the
// steps around it are open.
class StepList {
public:
    StepList(const Story& story, const Step* marked, Pictures& pictures)
        : story_(story), marked_(marked), pictures_(pictures) {}

    template <typename Write>
    void write(Write write) {
        write(forgotten_note(story_.root()));
        const auto& all = story_.root().inner;
        for (std::size_t i = 0; i < all.size(); i += group_size)
            write(group(all, i));
    }

private:
    // Browsers lay out only those groups of steps that are on the screen.
    static constexpr std::size_t group_size = 50;

    std::string group(const std::vector<Step*>& steps, std::size_t first);
    static std::string forgotten_note(const Step& outer);
    void append(std::string& to, const Step& step);
    std::string body(const Step& step);
    std::string scope_body(const Step& step);
    std::string row(const Step& step) const;
    std::string attributes(const Step& step) const;
    bool is_open(const Step& step) const;

    const Story& story_;
    const Step* marked_;
    Pictures& pictures_;
};

} // namespace ntd::report
