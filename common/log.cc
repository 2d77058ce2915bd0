// SPDX-License-Identifier: Apache-2.0
//
// common/log: see log.h.
#include <config.h>

#include "common/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace holdfast {

Result<void> open_log(const Config& config, const std::string& program)
try {
    auto logger = config.log_file.empty() ? spdlog::stderr_logger_st(program)
                                          : spdlog::basic_logger_st(program, config.log_file);
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%fZ %l %n: %v", spdlog::pattern_time_type::utc);
    logger->set_level(spdlog::level::from_str(config.log_level));
    logger->flush_on(spdlog::level::info);
    spdlog::set_default_logger(logger);
    return {};
} catch (const spdlog::spdlog_ex& failed) {
    return Error{Errc::io, "log file " + config.log_file + " cannot be opened: " + failed.what()};
}

} // namespace holdfast
