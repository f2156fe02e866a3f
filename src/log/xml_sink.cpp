#include <ntd/log/xml_sink.h>

#include "dispatch.h"
#include "wording.h"
#include "xml.h"

#include <ntd/base/error.h>
#include <ntd/base/write_all.h>
#include <ntd/log/terminal_text.h>

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <utility>

namespace ntd::log {

namespace {

constexpr std::size_t most_pending = 1 << 16;

bool is_dev_null(const struct stat& status) {
    return S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3);
}

} // namespace

XmlSink::XmlSink(const std::filesystem::path& file)
    : path_(file),
      file_(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY | O_CLOEXEC, 0666)) {
    struct stat status {};
    if (!file_ || ::fstat(file_.get(), &status) != 0)
        throw_errno("open '{}' for the XML log", file.string());
    if (is_dev_null(status))
        file_.reset();
    else if (!S_ISREG(status.st_mode))
        pipe_ = std::make_unique<Outlet>(std::move(file_));
    pending_.append(xml_declaration).append("<logfile>");
}

XmlSink::~XmlSink() {
    outputs_.end_all();
    if (pipe_)
        pending_ += closing_tags();
    send();
}

void XmlSink::write(const Event& event) noexcept {
    if (!file_ && !pipe_)
        return;
    dispatch(event, [&](const auto& what) { add(event, what); });
    if (pending_.size() > most_pending)
        send();
}

void XmlSink::flush() noexcept {
    outputs_.end_all();
    send();
    if (pipe_)
        pipe_->wait_once_more();
}

void XmlSink::prepare_for_end() noexcept {
    if (pipe_)
        pipe_->hold_nobody_up(); // flush() does the waiting
}

void XmlSink::add(const Event& event, const Line& line) {
    add_element("line", {.machine = event.machine}, line.text);
}

void XmlSink::add(const Event& event, const Serial& serial) {
    add_element("line", {.machine = event.machine, .type = "serial"}, serial.text);
}

void XmlSink::add(const Event& event, const Output& output) {
    outputs_.add(event.machine, output.text);
}

void XmlSink::add(const Event& event, const ScopeBegin& scope) {
    outputs_.end(event.machine);
    pending_ += "<nest>";
    nests_.push_back({.id = scope.id, .ended = false});
    add_element("head", {.machine = event.machine}, heading(scope.kind, scope.text));
}

void XmlSink::add(const Event& event, const ScopeEnd& scope) {
    outputs_.end(event.machine);
    add_element("line", {.machine = event.machine}, finished(scope));
    for (Nest& nest : nests_)
        nest.ended = nest.ended || nest.id == scope.id;
    while (!nests_.empty() && nests_.back().ended) {
        pending_ += "</nest>";
        nests_.pop_back();
    }
}

void XmlSink::add(const Event&, const TestError& error) {
    add_element("line", {.type = "error"}, error.text);
}

void XmlSink::add(const Event&, const SubtestSkip& subtest) {
    add_element("line", {}, skipped(subtest));
}

void XmlSink::add_output_line(std::string_view machine, std::string_view line) {
    add_element("line", {.machine = machine, .type = "output"}, line);
}

void XmlSink::add_element(const char* tag, Attributes attributes, std::string_view text) {
    pugi::xml_document document;
    auto element = document.append_child(tag);
    if (!attributes.machine.empty())
        element.append_attribute("machine") = xml_text(attributes.machine).c_str();
    if (attributes.type != nullptr)
        element.append_attribute("type") = attributes.type;
    element.text() = xml_text(text).c_str();
    append_xml(pending_, element, XmlLayout::dense);
}

std::string XmlSink::closing_tags() const {
    std::string tags;
    for (std::size_t i = 0; i < nests_.size(); ++i)
        tags += "</nest>";
    return tags + "</logfile>\n";
}

void XmlSink::settle(std::size_t but_for) noexcept {
    if (pipe_)
        pipe_->settle(but_for);
}

void XmlSink::send() noexcept {
    if (!file_ && !pipe_)
        return;
    const int error = write_pending();
    pending_.clear();
    if (error != 0) {
        file_.reset();
        pipe_.reset();
        say_failure(error, fmt::format("write the XML log '{}'", path_.string()));
    }
}

// Returns 0 or an errno value; for a pipe, that of an earlier write.
int XmlSink::write_pending() noexcept {
    if (pipe_) {
        pipe_->write(pending_);
        return pipe_->error();
    }
    const auto size = static_cast<off_t>(pending_.size());
    ::lseek(file_.get(), end_, SEEK_SET);
    end_ += size;
    return write_all(file_.get(), pending_ += closing_tags());
}

} // namespace ntd::log
