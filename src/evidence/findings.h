#pragma once

#include <ntd/base/guarded.h>
#include <ntd/report/report.h>

#include <algorithm>
#include <string>
#include <vector>

namespace ntd::evidence {

// What was found, and what was not. Several threads add to it.
struct Findings {
    struct Content {
        std::vector<report::Outcome::Link> links;
        std::vector<std::string> missing;
        std::size_t pending = 0; // machines whose evidence is still collected
    };

    void add(report::Outcome::Link link) {
        content.with([&](Content& now) { now.links.push_back(std::move(link)); });
    }
    void miss(std::string what) {
        content.with([&](Content& now) {
            if (std::find(now.missing.begin(), now.missing.end(), what) == now.missing.end())
                now.missing.push_back(std::move(what));
        });
    }

    Guarded<Content> content;
};

} // namespace ntd::evidence
