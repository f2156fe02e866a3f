#pragma once

#include <string>

#include "fault.h"
#include "fd.h"

namespace fake {

class Machine;
struct Options;

// Splits a byte stream into JSON values by counting brackets, because QMP does not require line
// ends.
class JsonSplitter {
public:
    void feed(std::string_view bytes) { bytes_ += bytes; }
    bool next(std::string& value);

private:
    std::string bytes_;
};

// QMP on a listening socket. Like QEMU, serves one client at a time.
class QmpServer {
public:
    QmpServer(UniqueFd listener, const std::string& path, const Options& options);
    int listener() const noexcept { return listener_.get(); }
    Stream& stream() noexcept { return client_; }
    const Stream& stream() const noexcept { return client_; }
    void accept();
    void receive(Machine& machine); // call when the client is readable
    void send_event(const std::string& name, const std::string& json_data);
    void remove_socket() const;
    void spoil(Fault fault); // this client and later ones

private:
    void send_line(const std::string& json);

    UniqueFd listener_;
    std::string path_;
    const Options& options_;
    Stream client_;
    Fault fault_ = Fault::none;
    JsonSplitter input_;
    bool negotiated_ = false;
};

} // namespace fake
