#include "runner/boards/elf_image.h"

#include <elf.h>

#include <cstring>

namespace tunefarm {
namespace {

absl::Status Bad(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("not a linked ELF file for Arm: ", what));
}

// The `index`th T of a table at `offset` of `file`.
template <typename T>
absl::StatusOr<T> At(absl::string_view file, std::uint64_t offset, std::uint64_t index) {
  const std::uint64_t begin = offset + index * sizeof(T);
  if (begin > file.size() || file.size() - begin < sizeof(T)) return Bad("a table is outside of the file");
  T entry;
  std::memcpy(&entry, file.data() + begin, sizeof entry);
  return entry;
}

absl::Status ReadSegments(absl::string_view file, const Elf32_Ehdr& header, ElfImage& image) {
  for (std::uint32_t i = 0; i < header.e_phnum; ++i) {
    TUNEFARM_ASSIGN_OR_RETURN(const auto entry, At<Elf32_Phdr>(file, header.e_phoff, i));
    if (entry.p_type != PT_LOAD || entry.p_memsz == 0) continue;
    const std::uint64_t end = std::uint64_t{entry.p_offset} + entry.p_filesz;
    if (end > file.size()) return Bad("a segment is outside of the file");
    if (entry.p_filesz > entry.p_memsz ||
        std::uint64_t{entry.p_vaddr} + entry.p_memsz > (std::uint64_t{1} << 32)) {
      return Bad("a segment has impossible sizes");
    }
    image.segments.push_back(
        {entry.p_vaddr, std::string(file.substr(entry.p_offset, entry.p_filesz)), entry.p_memsz});
  }
  return absl::OkStatus();
}

absl::Status ReadSymbols(absl::string_view file, const Elf32_Ehdr& header, ElfImage& image) {
  for (std::uint32_t i = 0; i < header.e_shnum; ++i) {
    TUNEFARM_ASSIGN_OR_RETURN(const auto section, At<Elf32_Shdr>(file, header.e_shoff, i));
    if (section.sh_type != SHT_SYMTAB) continue;
    TUNEFARM_ASSIGN_OR_RETURN(const auto names, At<Elf32_Shdr>(file, header.e_shoff, section.sh_link));
    for (std::uint32_t s = 0; s < section.sh_size / sizeof(Elf32_Sym); ++s) {
      TUNEFARM_ASSIGN_OR_RETURN(const auto symbol, At<Elf32_Sym>(file, section.sh_offset, s));
      if (ELF32_ST_BIND(symbol.st_info) == STB_LOCAL || symbol.st_shndx == SHN_UNDEF) continue;
      const std::uint64_t at = std::uint64_t{names.sh_offset} + symbol.st_name;
      const std::size_t end = at < file.size() ? file.find('\0', at) : absl::string_view::npos;
      if (end == absl::string_view::npos) return Bad("a name is outside of the file");
      const bool function = ELF32_ST_TYPE(symbol.st_info) == STT_FUNC;
      image.symbols[std::string(file.substr(at, end - at))] = symbol.st_value & (function ? ~1u : ~0u);
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ElfImage> ReadElf(absl::string_view file) {
  TUNEFARM_ASSIGN_OR_RETURN(const auto header, At<Elf32_Ehdr>(file, 0, 0));
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS32 ||
      header.e_ident[EI_DATA] != ELFDATA2LSB || header.e_machine != EM_ARM) {
    return Bad("it is none, or for another processor");
  }
  if (header.e_phentsize != sizeof(Elf32_Phdr) || header.e_shentsize != sizeof(Elf32_Shdr)) {
    return Bad("its tables have another form");
  }
  ElfImage image;
  TUNEFARM_RETURN_IF_ERROR(ReadSegments(file, header, image));
  TUNEFARM_RETURN_IF_ERROR(ReadSymbols(file, header, image));
  return image;
}

}  // namespace tunefarm
