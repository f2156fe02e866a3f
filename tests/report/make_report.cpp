// make_report RECORD OUTCOME HTML: writes the report of a record. OUTCOME is a file of JSON with
// the members of report::Outcome.
#include <ntd/report/report.h>

#include <nlohmann/json.hpp>

#include <exception>
#include <fstream>
#include <iostream>

namespace {

ntd::report::Outcome outcome_of(const nlohmann::json& json) {
    ntd::report::Outcome outcome;
    outcome.passed = json.value("passed", false);
    outcome.reason = json.value("reason", "");
    outcome.failure = json.value("failure", "");
    outcome.line = json.value("line", 0);
    outcome.command = json.value("command", "");
    for (const auto& link : json.value("evidence", nlohmann::json::array()))
        outcome.evidence.push_back(
            {link.value("machine", ""), link.value("title", ""), link.value("file", "")});
    return outcome;
}

} // namespace

int main(int count, char** arguments) try {
    if (count != 4)
        return 2;
    std::ifstream outcome(arguments[2]);
    ntd::report::write_report(arguments[1], outcome_of(nlohmann::json::parse(outcome)),
                              arguments[3]);
    return 0;
} catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
}
