/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The top of the secure-only flash of QEMU's "virt,secure=on" (64 MiB at
 * physical address 0, sectors of 256 KiB), as Claviger's emulated device
 * uses it. The runner lays it out (qemu/src/firmware/flash.rs):
 *
 *   sector 252  the seed of this boot's random numbers
 *   sector 253  the device's hardware unique key
 *   sector 254  counter log A
 *   sector 255  counter log B
 */
#ifndef CLAVIGER_FLASH_H
#define CLAVIGER_FLASH_H

#include <tee_api_types.h>
#include <types_ext.h>

#define CLAVIGER_SECTOR_SIZE	0x40000
#define CLAVIGER_SECTOR_SEED	252
#define CLAVIGER_SECTOR_HUK	253
#define CLAVIGER_SECTOR_LOG_A	254

/* Where a sector is mapped; 0 if it is not. */
vaddr_t claviger_flash_sector(unsigned int sector);

/* Programs one erased word and reads it back. */
TEE_Result claviger_flash_program(vaddr_t word, uint32_t value);

/* Sets every bit of the sector that starts at this address. */
TEE_Result claviger_flash_erase(vaddr_t sector);

#endif /*CLAVIGER_FLASH_H*/
