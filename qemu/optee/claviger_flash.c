// SPDX-License-Identifier: BSD-2-Clause
/*
 * Two 16-bit chips with the Intel command set, side by side on a 32-bit bus:
 * every command and status is repeated in both halves of a word.
 */
#include <io.h>
#include <mm/core_memprot.h>
#include <util.h>

#include "claviger_flash.h"

/* The last 2 MiB: the smallest piece that a page directory entry maps. */
#define FLASH_TOP		0x04000000
#define FLASH_MAPPED		0x00200000

#define BOTH(command)		(((uint32_t)(command) << 16) | (command))
#define CMD_PROGRAM		BOTH(0x40)
#define CMD_ERASE		BOTH(0x20)
#define CMD_CONFIRM		BOTH(0xd0)
#define CMD_CLEAR_STATUS	BOTH(0x50)
#define CMD_READ_ARRAY		BOTH(0xff)
#define STATUS_READY		BOTH(0x80)
#define STATUS_ERRORS		BOTH(0x3a)

#define POLLS			1000000

register_phys_mem_pgdir(MEM_AREA_IO_SEC, FLASH_TOP - FLASH_MAPPED,
			FLASH_MAPPED);

vaddr_t claviger_flash_sector(unsigned int sector)
{
	return (vaddr_t)phys_to_virt_io((paddr_t)sector * CLAVIGER_SECTOR_SIZE,
					CLAVIGER_SECTOR_SIZE);
}

/* Waits for a command to end, and goes back to reading data. */
static TEE_Result finish(vaddr_t address)
{
	unsigned int polls = 0;
	uint32_t status = 0;

	for (polls = 0; polls < POLLS; polls++) {
		status = io_read32(address);
		if ((status & STATUS_READY) == STATUS_READY)
			break;
	}

	io_write32(address, CMD_CLEAR_STATUS);
	io_write32(address, CMD_READ_ARRAY);

	if (polls == POLLS || (status & STATUS_ERRORS))
		return TEE_ERROR_STORAGE_NOT_AVAILABLE;

	return TEE_SUCCESS;
}

TEE_Result claviger_flash_program(vaddr_t word, uint32_t value)
{
	TEE_Result res = TEE_SUCCESS;

	io_write32(word, CMD_PROGRAM);
	io_write32(word, value);
	res = finish(word);
	if (res)
		return res;

	if (io_read32(word) != value)
		return TEE_ERROR_STORAGE_NOT_AVAILABLE;

	return TEE_SUCCESS;
}

TEE_Result claviger_flash_erase(vaddr_t sector)
{
	io_write32(sector, CMD_ERASE);
	io_write32(sector, CMD_CONFIRM);

	return finish(sector);
}
