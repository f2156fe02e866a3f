#pragma once

#include "casters.h"
#include "method.h"

#include <ntd/machine/machine.h>

#include <pybind11/pybind11.h>

#include <string>

// Argument and result types of machine methods. Scripts see these type names.
namespace ntd::bindings {

// A duration; None means no limit.
struct Limit {
    machine::Timeout length;
};

// The duration of a wait. A wait always has a limit, even if the script passes None.
struct WaitTime {
    machine::Timeout length;
};

// A str, or anything that str() converts: a port, a path, a remark.
struct Port {
    std::string text;
};
struct PathText {
    std::string text;
};
struct Remark {
    std::string text;
};

// Output of a guest, as bytes.
struct Output {
    std::string bytes;
};

inline constexpr machine::Seconds usual_limit(900);
inline constexpr machine::Seconds key_delay(0.01);

machine::Timeout length_of(const pybind11::handle& given);
pybind11::str into_text(std::string bytes);

// Default values with the names from test_driver/duration.py. Scripts get no warnings for these.
pybind11::arg_v timeout_by_default();
pybind11::arg_v delay_by_default();

} // namespace ntd::bindings

template <>
struct pybind11::detail::type_caster<ntd::bindings::Limit> {
    PYBIND11_TYPE_CASTER(ntd::bindings::Limit, const_name("Duration | None"));

    bool load(handle source, bool) {
        value.length = ntd::bindings::length_of(source);
        return true;
    }
};

template <>
struct pybind11::detail::type_caster<ntd::bindings::WaitTime> {
    PYBIND11_TYPE_CASTER(ntd::bindings::WaitTime, const_name("Duration | None"));

    bool load(handle source, bool) {
        value.length = ntd::bindings::length_of(source).value_or(ntd::bindings::usual_limit);
        return true;
    }
};

template <>
struct pybind11::detail::type_caster<ntd::bindings::Port> {
    PYBIND11_TYPE_CASTER(ntd::bindings::Port, const_name("int | str"));

    bool load(handle source, bool) {
        value.text = ntd::bindings::bytes_of(str(source));
        return true;
    }
};

template <>
struct pybind11::detail::type_caster<ntd::bindings::PathText> {
    PYBIND11_TYPE_CASTER(ntd::bindings::PathText, const_name("str | Path"));

    bool load(handle source, bool) {
        value.text = ntd::bindings::bytes_of(str(source));
        return true;
    }
};

template <>
struct pybind11::detail::type_caster<ntd::bindings::Remark> {
    PYBIND11_TYPE_CASTER(ntd::bindings::Remark, const_name("str"));

    bool load(handle source, bool) {
        value.text = ntd::bindings::bytes_of(str(source), ntd::bindings::Surrogates::show);
        return true;
    }
};

template <>
struct pybind11::detail::type_caster<ntd::bindings::Output> {
    PYBIND11_TYPE_CASTER(ntd::bindings::Output, const_name("str"));

    static handle cast(ntd::bindings::Output output, return_value_policy, handle) {
        return ntd::bindings::into_text(std::move(output.bytes)).release();
    }
};

template <>
struct pybind11::detail::type_caster<ntd::machine::ExecResult> {
    PYBIND11_TYPE_CASTER(ntd::machine::ExecResult, const_name("tuple[int, str]"));

    static handle cast(ntd::machine::ExecResult result, return_value_policy, handle) {
        return make_tuple(result.status, ntd::bindings::into_text(std::move(result.output)))
            .release();
    }
};
