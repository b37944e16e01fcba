#include "tuner/candidate_set.h"

#include <cstdint>

namespace tunefarm::tuner {
namespace {

// Draws before a space counts as nearly used up. At half of it unused the chance to miss 64 times is 2^-64;
// with 1 % unused one in two draws of 64 still finds something, and enumeration takes over after that.
constexpr int kDraws = 64;
// The largest space that is walked through: some 20 ms at 20 ns a step. Twice that doubles the worst stall of
// a proposal; half leaves spaces of half a million points to luck.
constexpr int64_t kMaxEnumeration = 1 << 20;
// Configs that are refused because their kernel is known, at 0.1 ms each; after that many they are taken, and
// cost a build. Of large spaces a third of the picks are such, where little is left more.
constexpr int kMaxTwins = 100;

}  // namespace

bool CandidateSet::Add(const schedules::Config& config) {
  if (history_.Seen(config) || !set_.insert(config).second) return false;
  if (twins_ < kMaxTwins) {
    const uint64_t kernel = history_.KernelOf(config);
    if (kernel != 0 && (history_.HasKernel(kernel) || !kernels_.insert(kernel).second)) {
      ++twins_;
      return false;
    }
  }
  configs_.push_back(config);
  return true;
}

bool CandidateSet::AddRandom(Rng& rng) {
  for (int draw = 0; draw < kDraws; ++draw) {
    if (Add(history_.space().Sample(rng))) return true;
  }
  return AddByEnumeration(rng);
}

bool CandidateSet::AddByEnumeration(Rng& rng) {
  const schedules::ConfigSpace& space = history_.space();
  if (space.size() > kMaxEnumeration) {
    // Too large to walk: try around what is known.
    for (const auto& [trial, entry] : history_.entries()) {
      for (const schedules::Config& neighbour : space.Neighbours(entry.config)) {
        if (Add(neighbour)) return true;
      }
    }
    return false;
  }
  const int64_t start = static_cast<int64_t>(rng.Uniform(space.size()));
  for (int64_t i = 0; i < space.size(); ++i) {
    const schedules::Config config = space.FromIndex((start + i) % space.size());
    if (space.IsLegal(config) && Add(config)) return true;
  }
  return false;
}

}  // namespace tunefarm::tuner
