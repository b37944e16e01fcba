#include "cost_model/xgb_model.h"

#include <xgboost/c_api.h>

#include <cmath>
#include <cstdint>
#include <utility>

#include "cost_model/features.h"

namespace tunefarm::cost_model {
namespace {

// Trees of a fit.
constexpr int kRounds = 80;

// Many shallow trees: on six tasks of 150 to 700 random configs each, trained on 48 and 128 of them, they
// ordered the others better (0.838 and 0.872) than 40 trees of depth 6 (0.823 and 0.858), in the same time. A
// ranking objective was worse (0.846), the logarithm of the speed better by 0.003.
constexpr std::pair<const char*, const char*> kParameters[] = {
    {"objective", "reg:squarederror"},
    {"nthread", "1"},  // The other cores build candidates.
    {"seed", "1"},
    {"tree_method", "hist"},
    {"max_bin", "32"},  // Most features have fewer values than that: extents, kinds, powers of two.
    {"max_depth", "4"},
    {"eta", "0.1"},
    {"subsample", "0.8"},
    {"colsample_bytree", "0.5"},
    {"lambda", "1"},
    {"min_child_weight", "1"},
    {"base_score", "0"},
    {"verbosity", "0"},
};

absl::Status Check(int result, const char* what) {
  if (result == 0) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("XGBoost: ", what, ": ", XGBGetLastError()));
}

struct MatrixDeleter {
  void operator()(void* matrix) const { XGDMatrixFree(matrix); }
};
using Matrix = std::unique_ptr<void, MatrixDeleter>;

// The array interface in which XGBoost takes a dense array without a copy.
std::string ArrayInterface(const float* rows, size_t count, int features) {
  return absl::StrCat("{\"data\":[", reinterpret_cast<uintptr_t>(rows), ",true],\"shape\":[", count, ",",
                      features, "],\"typestr\":\"<f4\",\"version\":3}");
}

std::string Header(int features) {
  return absl::StrCat("tunefarm-cost-model features=", kFeatureVersion, " width=", features, "\n");
}

// XGBoost's own bytes within those of Save().
absl::StatusOr<std::string> StripHeader(const std::string& bytes, int features) {
  const std::string want = Header(features);
  const size_t end = bytes.find('\n');
  if (end == std::string::npos || end > 200 || bytes.rfind("tunefarm-cost-model ", 0) != 0) {
    return absl::InvalidArgumentError("this is not a cost model saved by tunefarm");
  }
  if (bytes.compare(0, want.size(), want) != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("the saved cost model (", bytes.substr(0, end),
                     ") was trained on other features than this tunefarm computes (",
                     want.substr(0, want.size() - 1), "); leave it out or train a new one"));
  }
  return bytes.substr(end + 1);
}

}  // namespace

absl::StatusOr<std::unique_ptr<XgbModel>> XgbModel::Create(int features, const std::string& start) {
  static const absl::Status self_test = SelfTest();
  TUNEFARM_RETURN_IF_ERROR(self_test);
  if (start.empty()) return std::unique_ptr<XgbModel>(new XgbModel(features, ""));
  TUNEFARM_ASSIGN_OR_RETURN(std::string bytes, StripHeader(start, features));
  std::unique_ptr<XgbModel> model(new XgbModel(features, std::move(bytes)));
  TUNEFARM_RETURN_IF_ERROR(model->LoadStart(nullptr));
  return model;
}

XgbModel::~XgbModel() {
  if (booster_ != nullptr) XGBoosterFree(booster_);
}

absl::Status XgbModel::LoadStart(void* matrix) {
  if (booster_ != nullptr) XGBoosterFree(std::exchange(booster_, nullptr));
  TUNEFARM_RETURN_IF_ERROR(
      Check(XGBoosterCreate(&matrix, matrix != nullptr ? 1 : 0, &booster_), "creating a booster"));
  if (!start_.empty()) {
    const absl::Status loaded =
        Check(XGBoosterLoadModelFromBuffer(booster_, start_.data(), start_.size()), "loading a model");
    if (!loaded.ok()) return absl::InvalidArgumentError(loaded.message());
  }
  for (const auto& [name, value] : kParameters) {
    TUNEFARM_RETURN_IF_ERROR(Check(XGBoosterSetParam(booster_, name, value), name));
  }
  return absl::OkStatus();
}

absl::Status XgbModel::Fit(const TrainingSet& data) {
  if (data.size() == 0) return absl::InvalidArgumentError("no rows to train a cost model on");
  if (data.features != features_ || data.rows.size() != static_cast<size_t>(data.size()) * features_) {
    return absl::InvalidArgumentError(
        absl::StrCat("a cost model of ", features_, " features was given rows of ", data.features));
  }
  void* handle = nullptr;
  TUNEFARM_RETURN_IF_ERROR(
      Check(XGDMatrixCreateFromMat(data.rows.data(), data.size(), features_, std::nanf(""), &handle),
            "taking rows"));
  const Matrix matrix(handle);
  TUNEFARM_RETURN_IF_ERROR(
      Check(XGDMatrixSetFloatInfo(handle, "label", data.scores.data(), data.size()), "taking scores"));
  TUNEFARM_RETURN_IF_ERROR(LoadStart(handle));
  int first = 0;
  if (!start_.empty()) {
    TUNEFARM_RETURN_IF_ERROR(Check(XGBoosterBoostedRounds(booster_, &first), "counting rounds"));
  }
  for (int round = 0; round < kRounds; ++round) {
    TUNEFARM_RETURN_IF_ERROR(Check(XGBoosterUpdateOneIter(booster_, first + round, handle), "training"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<float>> XgbModel::Predict(const float* rows, size_t count) const {
  if (booster_ == nullptr) return absl::FailedPreconditionError("the cost model was not trained yet");
  if (count == 0) return std::vector<float>();
  const char* config =
      R"({"type":0,"training":false,"iteration_begin":0,"iteration_end":0,"strict_shape":false,"missing":NaN,"cache_id":0})";
  const bst_ulong* shape = nullptr;
  bst_ulong dimensions = 0;
  const float* result = nullptr;
  TUNEFARM_RETURN_IF_ERROR(
      Check(XGBoosterPredictFromDense(booster_, ArrayInterface(rows, count, features_).c_str(), config,
                                      nullptr, &shape, &dimensions, &result),
            "predicting"));
  return std::vector<float>(result, result + count);
}

absl::StatusOr<std::string> XgbModel::Save() const {
  if (booster_ == nullptr) return absl::FailedPreconditionError("the cost model was not trained yet");
  bst_ulong length = 0;
  const char* bytes = nullptr;
  TUNEFARM_RETURN_IF_ERROR(
      Check(XGBoosterSaveModelToBuffer(booster_, R"({"format":"ubj"})", &length, &bytes), "saving"));
  return absl::StrCat(Header(features_), absl::string_view(bytes, length));
}

absl::Status XgbModel::SelfTest() {
  XgbModel model(1, "");
  TrainingSet data;
  data.features = 1;
  for (int i = 0; i < 16; ++i) {
    data.rows.push_back(static_cast<float>(i));
    data.scores.push_back(static_cast<float>(i) / 16);
    data.task.push_back(0);
  }
  absl::Status status = model.Fit(data);
  if (status.ok()) {
    const float probe[] = {1, 14};
    const absl::StatusOr<std::vector<float>> predicted = model.Predict(probe, 2);
    status = predicted.status();
    if (status.ok() && !((*predicted)[0] < (*predicted)[1])) {
      status = absl::InternalError("a trained model orders 1 and 14 the wrong way");
    }
  }
  if (status.ok()) return status;
  int major = 0, minor = 0, patch = 0;
  XGBoostVersion(&major, &minor, &patch);
  return absl::InternalError(absl::StrCat("the XGBoost library found here (", major, ".", minor, ".", patch,
                                          ") fails a self-test: ", status.message(),
                                          "; install libxgboost 1.7 or tune with --strategy ga"));
}

}  // namespace tunefarm::cost_model
