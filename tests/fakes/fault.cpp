#include "fault.h"

#include <map>
#include <stdexcept>

namespace fake {

Fault fault_named(const std::string& name) {
    static const std::map<std::string, Fault> faults = {
        {"closed", Fault::closed}, {"silent", Fault::silent}, {"babbling", Fault::babbling},
        {"slow", Fault::slow},     {"half", Fault::half},     {"twice", Fault::twice}};
    const auto found = faults.find(name);
    if (found == faults.end())
        throw std::invalid_argument("'" + name + "' is not a fault");
    return found->second;
}

} // namespace fake
