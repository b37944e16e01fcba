// Records for the database's tests.
#pragma once

#include <string>
#include <utility>

#include "db/database.h"

namespace tunefarm::db {

inline v1::SubmitJobRequest SampleRequest(const std::string& token) {
  v1::SubmitJobRequest request;
  request.set_client_token(token);
  v1::TaskSpec& task = *request.add_tasks();
  task.set_workload("matmul:m=64,n=64,k=64,dtype=f32,epilogue=none");
  task.set_target("x86-64-v3");
  request.mutable_options()->set_trials(8);
  return request;
}

inline v1::Measurement Timed(double median_us) {
  v1::Measurement measurement;
  v1::KernelResult& kernel = *measurement.add_kernels();
  kernel.set_median_us(median_us);
  kernel.set_raw_median_us(median_us);
  kernel.set_low_us(median_us * 0.99);
  kernel.set_high_us(median_us * 1.01);
  for (int i = 0; i < 10; ++i) kernel.add_samples_us(median_us * (1 + 0.001 * i));
  v1::Environment& environment = *measurement.mutable_environment();
  environment.set_device_id("board-1");
  environment.set_device_class("cortex-a72");
  environment.set_boot_id("6b5e1f0a-0000-4000-8000-000000000000");
  environment.set_kernel_release("6.1.0-18-arm64");
  environment.set_mhz(1500);
  return measurement;
}

inline v1::Measurement Failed(v1::FailureKind kind) {
  v1::Measurement measurement;
  measurement.mutable_failure()->set_kind(kind);
  measurement.mutable_failure()->set_message("it did not work");
  return measurement;
}

inline Record SampleRecord(const std::string& job, int trial, v1::Measurement measurement) {
  Record record;
  record.job_id = job;
  record.trial = trial;
  record.workload = "matmul:m=64,n=64,k=64,dtype=f32,epilogue=none";
  record.target_name = "cortex-a72";
  record.target_json = R"({"name":"cortex-a72"})";
  record.config = "tile_m=" + std::to_string(trial);
  record.template_version = "tiled/1";
  record.toolchain = "gcc 12.2 -O3";
  record.kernel_digest = std::string(64, 'a');
  record.device_id = "board-1";
  record.device_class = "cortex-a72";
  record.input_seed = ~uint64_t{0};
  record.search_seed = 7;
  record.threads = 1;
  record.flop = 2.0 * 64 * 64 * 64;
  record.policy.set_name("standard");
  record.policy.set_min_samples(10);
  record.policy.set_cutoff_us(100 + trial);
  record.measurement = std::move(measurement);
  record.created_unix_us = 1700000000000000 + trial;
  return record;
}

}  // namespace tunefarm::db
