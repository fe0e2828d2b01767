// grids.c - the voxel grids that a model has written: what ParaView and postproc/ need to show them.
//
// One .xmf per grid, <case>_<grid>.xmf, with scalars and vectors. A symmetric tensor of six components (Voigt order 11, 22, 33, 23,
// 13, 12) becomes six scalars, <field>_11 ...: ParaView's own order is another one, and its two readers differ in it. In the
// result file /grid/<grid> tells the place of the grid and where its fields are.
#include "app_impl.h"

static const char *const voigt[] = {"11", "22", "33", "23", "13", "12"};

static PetscErrorCode Describe(SnaFile file, const SnaModelGrid *grid)
{
  const PetscInt dims[2] = {2, 3};
  double         box[6];
  char           group[128], name[256], fields[2048] = "", datasets[4096] = "";

  PetscFunctionBeginUser;
  for (int a = 0; a < 3; a++) {
    box[a]     = grid->lo[a];
    box[3 + a] = grid->hi[a];
  }
  for (int f = 0; f < grid->nfield; f++) {
    PetscCall(PetscStrlcat(fields, f ? "," : "", sizeof(fields)));
    PetscCall(PetscStrlcat(fields, grid->field[f], sizeof(fields)));
    PetscCall(PetscStrlcat(datasets, f ? "," : "", sizeof(datasets)));
    PetscCall(PetscStrlcat(datasets, grid->dataset[f], sizeof(datasets)));
  }
  PetscCall(PetscSNPrintf(group, sizeof(group), "/grid/%s", grid->name));
  PetscCall(PetscSNPrintf(name, sizeof(name), "%s/box", group));
  PetscCall(SnaFileWriteArray(file, name, 2, dims, box));
  PetscCall(SnaFileWriteAttributeText(file, group, "fields", fields));
  PetscCall(SnaFileWriteAttributeText(file, group, "datasets", datasets));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaRunDescribeGrids(SnaRun run, SnaFile file)
{
  const SnaModelGrid *grid;
  PetscInt            n;

  PetscFunctionBeginUser;
  PetscCall(SnaModelGetGrids(run->model, &n, &grid));
  for (PetscInt g = 0; g < n; g++) {
    PetscCall(Describe(file, &grid[g]));
    for (int f = 0; f < grid[g].nfield; f++)
      if (grid[g].ncomp[f] == 6) PetscCall(SnaFileWriteComponents(file, grid[g].dataset[f], grid[g].n, 6, voigt));
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode WriteXdmf(SnaRun run, const SnaModelGrid *grid, char message[SNA_MAX_MESSAGE])
{
  SnaXdmfField field[6 * SNA_MAX_GRID_FIELDS];
  char         path[PETSC_MAX_PATH_LEN], h5[PETSC_MAX_PATH_LEN], suffix[128];
  char(*text)[2][256]; // names of components and their datasets
  int nfield = 0;

  PetscFunctionBeginUser;
  PetscCall(PetscSNPrintf(suffix, sizeof(suffix), "_%s.xmf", grid->name));
  PetscCall(SnaCaseGetPath(run->claim, suffix, sizeof(path), path));
  PetscCall(SnaCaseGetPath(run->claim, ".h5", sizeof(h5), h5));
  PetscCall(PetscMalloc1(6 * SNA_MAX_GRID_FIELDS, &text));
  for (int f = 0; f < grid->nfield; f++) {
    if (grid->ncomp[f] != 6) {
      field[nfield++] = (SnaXdmfField){grid->field[f], grid->dataset[f], grid->ncomp[f]};
      continue;
    }
    for (int c = 0; c < 6; c++) {
      char(*word)[256] = text[nfield];
      PetscCall(PetscSNPrintf(word[0], sizeof(word[0]), "%s_%s", grid->field[f], voigt[c]));
      PetscCall(PetscSNPrintf(word[1], sizeof(word[1]), "%s_%s", grid->dataset[f], voigt[c]));
      field[nfield++] = (SnaXdmfField){word[0], word[1], 1};
    }
  }
  PetscCall(SnaXdmfWriteGrid(run->comm, path, h5, grid->n, grid->lo, grid->hi, nfield, field, message));
  PetscCall(PetscFree(text));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaRunWriteGrids(SnaRun run, PetscInt *written, char message[SNA_MAX_MESSAGE])
{
  const SnaModelGrid *grid;
  PetscInt            n;

  PetscFunctionBeginUser;
  message[0] = 0;
  *written   = 0;
  PetscCall(SnaModelGetGrids(run->model, &n, &grid));
  for (PetscInt g = 0; g < n && !message[0]; g++) {
    PetscCall(WriteXdmf(run, &grid[g], message));
    if (!message[0]) (*written)++;
  }
  PetscFunctionReturn(0);
}
